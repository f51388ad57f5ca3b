"""Measure reading and write benchmarks/results/read-NAME.json.

    python -m benchmarks.read NAME [--rows 1000000]

Alpaca-like rows are made in a temporary folder (a million: about 400 MB, every third with an
input). Each way of reading them runs in a process of its own, all in turn, three rounds; medians,
and their ratios to ours, go into the file with the machine line. Memory is the peak of the process
above what it took before it read, as a ratio to the size of the file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mods.kcenter.bench import machine_line

ROUNDS = 3
WORDS = 5000


def make_rows(path: Path, rows: int) -> None:
    """Write rows of random words, each different."""
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(WORDS)]

    def text(count: int) -> str:
        return " ".join(rng.choices(words, k=count))

    with path.open("w", encoding="ascii") as file:
        for number in range(rows):
            row = {
                "instruction": f"{text(10)} {number}",
                "input": text(8) if rng.random() < 0.35 else "",
                "output": text(rng.randint(10, 70)),
            }
            file.write(json.dumps(row) + "\n")


def with_mods(path: Path) -> Callable[[], int]:
    """Records with ids, duplicates found."""
    import mods

    tiny = path.with_name("tiny.jsonl")
    tiny.write_text('{"instruction": "a", "output": "b"}\n')
    mods.read(tiny, quiet=True)  # loads the plug-ins
    return lambda: len(mods.read(path, quiet=True).records)


def with_datasets(path: Path) -> Callable[[], int]:
    """A table in a fresh cache; no ids, no duplicates found."""
    import datasets

    datasets.disable_progress_bars()

    def read() -> int:
        with tempfile.TemporaryDirectory(dir=path.parent) as cache:
            options = {"split": "train", "cache_dir": cache}
            return len(datasets.load_dataset("json", data_files=str(path), **options))

    return read


def with_json(path: Path) -> Callable[[], int]:
    """A list of dicts; no ids, no duplicates found."""

    def read() -> int:
        with path.open(encoding="utf-8") as file:
            return len([json.loads(line) for line in file])

    return read


WAYS = {"mods.read": with_mods, "datasets.load_dataset": with_datasets, "json.loads": with_json}


def measure(way: str, path: Path) -> dict[str, float]:
    """Read in this process."""

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

    read = WAYS[way](path)
    before, start = peak(), time.perf_counter()
    rows = read()
    return {"rows": rows, "seconds": time.perf_counter() - start, "bytes": peak() - before}


def in_its_own_process(way: str, path: Path) -> dict[str, float]:
    """Measure in a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.read", "--measure", way, str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(rows: int, path: Path) -> dict[str, Any]:
    """Measure every way in turn, several rounds."""
    ways = [w for w in WAYS if w != "datasets.load_dataset" or importlib.util.find_spec("datasets")]
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way in ways:
            found[way].append(in_its_own_process(way, path))
            assert found[way][-1]["rows"] == rows
            print(number, way, f"{found[way][-1]['seconds']:.2f} s", flush=True)
    size = path.stat().st_size
    seconds = {way: statistics.median(x["seconds"] for x in found[way]) for way in ways}
    return {
        "machine": machine_line(),
        "rounds": ROUNDS,
        "rows": rows,
        "megabytes": size / 1e6,
        "seconds": seconds,
        "ratio": {way: value / seconds["mods.read"] for way, value in seconds.items()},
        "memory_to_file": {
            way: statistics.median(x["bytes"] for x in found[way]) / size for way in ways
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", metavar="WAY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, Path(options.name))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        make_rows(path, options.rows)
        found = report(options.rows, path)
    print(json.dumps(found, indent=2))
    target = Path(__file__).parent / "results" / f"read-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

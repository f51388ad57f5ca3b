"""Measure the contamination gate and write benchmarks/results/contamination-NAME.json.

    python -m benchmarks.contamination NAME [--data FILE … --against FILE …]

Without files, rows and prompts of random words are made: 90,000 rows, 1,000 prompts, every
thousandth row asks one. The gate looks at records that are there, and at records that are made as
it asks for them; beside it runs what one would write in a minute, sets of n-grams of words. All in
turn in one process on one core, after a warm-up, five rounds; medians in microseconds of processor
time a row, and their ratios to the gate's, go into the file with the machine line. The file holds
no text of the data.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mods.api.inputs import How, prompts_of, read_data, registry_with
from mods.data.prompts import Prompt
from mods.kcenter.bench import machine_line
from mods.overlap.overlaps import find_overlaps
from mods.progress import Progress
from mods.records import Record

ROUNDS = 5
ROWS, PROMPTS, EVERY = 90_000, 1_000, 1_000
WORD = re.compile(r"\w+")


def make_files(folder: Path) -> tuple[list[str], list[str]]:
    """Write rows and prompts of random words; returns their files."""
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(5000)]

    def text(count: int) -> str:
        return " ".join(rng.choices(words, k=count))

    prompts = [text(rng.randint(5, 60)) for _ in range(PROMPTS)]
    rows = (
        {"instruction": rng.choice(prompts) if n % EVERY == 0 else text(12), "output": text(60)}
        for n in range(ROWS)
    )
    data, against = folder / "rows.jsonl", folder / "prompts.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    against.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    return [str(data)], [str(against)]


def with_gate(records: Iterable[Record], prompts: Sequence[Prompt]) -> int:
    """Rows that repeat a prompt."""
    return len({(found.source, found.row) for found in find_overlaps(records, prompts)})


def with_sets(length: int) -> Callable[[Iterable[Record], Sequence[Prompt]], int]:
    """Rows that share any n-gram with any prompt."""

    def grams(text: str) -> set[tuple[str, ...]]:
        words = WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        return set(zip(*(words[at:] for at in range(length)), strict=False))

    def count(records: Iterable[Record], prompts: Sequence[Prompt]) -> int:
        known = set().union(*(grams(prompt.conversation.prompt) for prompt in prompts))
        return sum(not known.isdisjoint(grams(f"{r.prompt}\n{r.response}")) for r in records)

    return count


def report(data: Sequence[str], against: Sequence[str], made: bool) -> dict[str, Any]:
    """Measure every way in turn, several rounds."""
    registry, how = registry_with(()), How()
    prompts = prompts_of(against, registry, how)
    kept = read_data(data, registry, how, Progress(quiet=True)).records
    records = list(kept)
    ways: dict[str, tuple[Callable[[Iterable[Record], Sequence[Prompt]], int], Iterable[Record]]]
    ways = {
        "gate": (with_gate, records),
        "gate, records made when asked for": (with_gate, kept),
        "set of 8-grams": (with_sets(8), records),
        "set of 13-grams": (with_sets(13), records),
    }
    found: dict[str, int] = {}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, (count, rows) in ways.items():
            start = time.process_time()
            found[way] = count(rows, prompts)
            spent = (time.process_time() - start) / len(records) * 1e6
            print(number, way, f"{spent:.1f} us a row", flush=True)
            if number:  # the first round is the warm-up
                times[way].append(spent)
    medians = {way: statistics.median(spent) for way, spent in times.items()}
    return {
        "machine": machine_line(),
        "rounds": ROUNDS,
        "data": "random words" if made else "files",
        "records": len(records),
        "prompts": len(prompts),
        "microseconds_a_row": {way: round(value, 2) for way, value in medians.items()},
        "ratio": {way: round(value / medians["gate"], 3) for way, value in medians.items()},
        "rows_found": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--against", nargs="+", default=[])
    options = parser.parse_args()
    if bool(options.data) != bool(options.against):
        parser.error("--data and --against go together")
    with tempfile.TemporaryDirectory() as folder:
        files = (options.data, options.against) if options.data else make_files(Path(folder))
        found = report(*files, made=not options.data)
    print(json.dumps(found, indent=2))
    target = Path(__file__).parent / "results" / f"contamination-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

"""Does what a bad day does to runs, bounded in time, and says in a table what held.

Usage: python -m tools.torture [--seconds N] [--seed N] [EXPERIMENT ...]

Kills at random moments, signals, a disk and a memory that end, flipped bits in the cache, links and
pipes in the place of locks, and hostile configurations, run folders and data. Every experiment runs
the `mods` command in processes of its own on small made-up data, with the plug-ins of the tests, in
a temporary folder. Exit code 1 if something did not hold. `docs/reliability.md` says what is
promised; a short form runs with the tests.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mods import __version__
from mods.kcenter.bench import machine_line
from tools.torture import hostile, runs
from tools.torture.place import Place


@dataclass
class Table:
    """What was tried and what held."""

    rows: list[tuple[str, int, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("experiment", "tried", "held")
        return {
            "machine": machine_line(),
            "version": __version__,
            "rows": [dict(zip(names, row, strict=True)) for row in self.rows],
            "failures": self.failures,
        }

    def add(self, name: str, tried: int, failures: list[str]) -> None:
        """Note one experiment."""
        self.rows.append((name, tried, tried - len(failures)))
        self.failures += [f"{name}: {failure}" for failure in failures]
        print(f"{name:<78} {tried:>6} {tried - len(failures):>6}", flush=True)


ON_REQUEST = -1
"""The share of an experiment that takes minutes and runs only when it is named."""
EXPERIMENTS: dict[str, tuple[Callable[[Place, random.Random, float], Iterator[str | None]], float]]
EXPERIMENTS = {
    "kills": (runs.kills, 0.35),
    "overwriting-kills": (runs.overwriting_kills, 0.2),
    "flipped-bits": (runs.flipped_bits, 0.25),
    "hostile-folders": (hostile.hostile_folders, 0.2),
    "signals": (runs.signals, 0),
    "shared-cache": (runs.shared_cache, 0),
    "full-disk": (runs.full_disk, 0),
    "little-memory": (runs.little_memory, 0),
    "strange-locks": (hostile.strange_locks, 0),
    "outputs": (hostile.outputs, 0),
    "hostile-settings": (hostile.hostile_settings, 0),
    "hostile-data": (hostile.hostile_data, 0),
    "tuning-kills": (runs.tuning_kills, ON_REQUEST),
}
"""By name: the experiment, and its share of the time; those without one have a set number."""


def main() -> int:
    """Run the experiments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="time of those that go on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    arguments = parser.parse_args()
    table = Table()
    print(f"{'experiment':<78} {'tried':>6} {'held':>6}")
    usual = [name for name, (_, share) in EXPERIMENTS.items() if share != ON_REQUEST]
    for name in arguments.names or usual:
        experiment, share = EXPERIMENTS[name]
        with tempfile.TemporaryDirectory() as folder:
            until = time.monotonic() + share * arguments.seconds
            place, rng = Place(Path(folder)), random.Random(f"{arguments.seed}-{name}")
            outcomes = list(experiment(place, rng, until))
        what = (experiment.__doc__ or name).splitlines()[0].rstrip(".")
        table.add(what, len(outcomes), [o for o in outcomes if o])
    if arguments.json:
        arguments.json.write_text(json.dumps(table.as_dict(), indent=2) + "\n", encoding="utf-8")
    for failure in table.failures:
        print(f"did not hold: {failure}")
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())

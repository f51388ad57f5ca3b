"""The rules of readers and executors."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mods.interfaces import Outcome
from mods.records import BrokenRow, RawRow
from mods.testing.rules import name_of, require, require_methods
from mods.testing.samples import sample_records

if TYPE_CHECKING:
    from mods.interfaces import Executor, Reader, Task

CHUNKS = (5, 1, 0, 9, 9)
"""Sizes of the chunks an executor is tried on; together all sample records."""


def check_reader(reader: Reader, source: str) -> None:
    """Check a reader on a source it reads, which must hold at least one row."""
    require_methods(reader, "a reader", "matches", "read")
    name = name_of(reader)
    require(reader.matches(source) is True, name, f"`matches` must be True for {source}")
    rows = list(reader.read(source))
    require(bool(rows), name, f"{source} holds no rows to check the reader on")
    for row in rows:
        _check_row(row, name)
    numbers = [row.row for row in rows]
    require(len(set(numbers)) == len(numbers), name, "every row needs a number of its own")
    # Compared as text: a NaN in a row is not equal to itself.
    same = list(map(repr, reader.read(source))) == list(map(repr, rows))
    require(same, name, "two reads of a source must yield the same rows")


def _check_row(row: Any, name: str) -> None:
    kind = isinstance(row, (RawRow, BrokenRow))
    require(kind, name, f"`read` must yield RawRow or BrokenRow, not {type(row).__name__}")
    counted = isinstance(row.row, int) and row.row >= 1
    require(counted, name, f"rows are numbered from 1, not {row.row!r}")
    if isinstance(row, RawRow):
        require(isinstance(row.data, Mapping), name, "the data of a row must be a mapping")
    else:
        texts = isinstance(row.text, str) and isinstance(row.reason, str) and bool(row.reason)
        require(texts, name, "a broken row needs a reason and its text")


@dataclass(frozen=True)
class ToyTask:
    """A task whose results show which row they are of."""

    mark: str

    def run(self, chunk: Sequence[Any]) -> Outcome:
        """Return the mark and the id of each record."""
        return Outcome([f"{self.mark} {record.id}" for record in chunk], 0.0)


def check_executor(executor: Executor) -> None:
    """Check an executor on a small task that was pickled: every chunk once, the same results."""
    require_methods(executor, "an executor", "map")
    name = name_of(executor)
    task: Task = pickle.loads(pickle.dumps(ToyTask("toy")))
    chunks = _chunks()
    outcomes = _outcomes(executor, task, chunks, name)
    require(chunks == _chunks(), name, "the chunks must be left as they were")
    for number, chunk in enumerate(chunks):
        same = outcomes[number].values == task.run(chunk).values
        require(same, name, f"the results of chunk {number} must be those of `task.run(chunk)`")
    require(not list(executor.map(task, [])), name, "without chunks there are no outcomes")


def _chunks() -> list[list[Any]]:
    """Return the sample records in chunks."""
    rest = iter(sample_records())
    return [list(islice(rest, size)) for size in CHUNKS]


def _outcomes(
    executor: Executor, task: Task, chunks: Sequence[Sequence[Any]], name: str
) -> dict[int, Outcome]:
    """Run a task and return the outcomes by the number of the chunk."""
    outcomes: dict[int, Outcome] = {}
    for number, outcome in executor.map(task, chunks):
        require(number not in outcomes, name, f"chunk {number} came twice; every chunk comes once")
        require(isinstance(outcome, Outcome), name, "`map` must yield (number, Outcome)")
        timed = math.isfinite(outcome.seconds) and outcome.seconds >= 0
        require(timed, name, "the seconds of an outcome are finite, 0 or more")
        outcomes[number] = outcome
    missing = set(range(len(chunks))) ^ set(outcomes)
    require(not missing, name, f"every chunk comes once, from 0 on: see {sorted(missing)}")
    return outcomes

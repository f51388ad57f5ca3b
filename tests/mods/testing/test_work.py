"""Every rule of readers and executors, broken on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mods import BrokenRow, Outcome, PluginError, RawRow
from mods.testing import check_executor, check_reader

counter = itertools.count()


class Reader:
    """A reader whose rows are given; `marks` makes two reads differ."""

    def __init__(self, *rows: Any, matches: Any = True) -> None:
        self.rows = rows
        self.answer = matches

    def matches(self, source: str) -> Any:
        return self.answer

    def read(self, source: str) -> Iterator[Any]:
        for row in self.rows:
            yield row() if callable(row) else row


NAN_ROW = RawRow(1, {"a": float("nan")})


def test_good_readers_pass() -> None:
    check_reader(Reader(lambda: RawRow(1, {"a": float("nan")}), BrokenRow(3, "cut", "x")), "s")


@pytest.mark.parametrize(
    ("reader", "rule"),
    [
        (Reader(NAN_ROW, matches="yes"), "`matches` must be True for s"),
        (Reader(), "no rows"),
        (Reader({"a": 1}), "must yield RawRow or BrokenRow, not dict"),
        (Reader(RawRow(0, {})), "numbered from 1"),
        (Reader(RawRow(1, {}), BrokenRow(1, "bad", "")), "a number of its own"),
        (Reader(RawRow(1, ["a"])), "must be a mapping"),  # type: ignore[arg-type]
        (Reader(BrokenRow(1, "", "text")), "needs a reason"),
        (Reader(lambda: RawRow(1, {"a": next(counter)})), "two reads"),
    ],
)
def test_rules_of_readers(reader: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=f"Reader breaks a rule: .*{rule}"):
        check_reader(reader, "s")


class Executor:
    def __init__(self, map: Any) -> None:
        self.map = map


def here(task: Any, chunks: Any) -> Iterator[tuple[int, Outcome]]:
    return ((number, task.run(chunk)) for number, chunk in enumerate(chunks))


def backwards(task: Any, chunks: Any) -> Iterator[tuple[int, Outcome]]:
    return reversed(list(here(task, chunks)))


def taking(task: Any, chunks: Any) -> Any:
    outcomes = list(here(task, chunks))
    for chunk in chunks:
        chunk.clear()
    return outcomes


def test_good_executors_pass() -> None:
    check_executor(Executor(here))
    check_executor(Executor(backwards))


@pytest.mark.parametrize(
    ("run", "rule"),
    [
        (lambda task, chunks: list(here(task, chunks))[1:], r"every chunk comes once.*\[0\]"),
        (lambda task, chunks: [*here(task, chunks), *here(task, chunks)], "chunk 0 came twice"),
        (lambda task, chunks: [(n + 1, o) for n, o in here(task, chunks)], r"\[0, 5\]"),
        (lambda task, chunks: [(n, o.values) for n, o in here(task, chunks)], "must yield"),
        (
            lambda task, chunks: [
                (n, replace(o, values=o.values[::-1])) for n, o in here(task, chunks)
            ],
            "the results of chunk 0",
        ),
        (
            lambda task, chunks: [(n, replace(o, seconds=-1.0)) for n, o in here(task, chunks)],
            "seconds",
        ),
        (taking, "left as they were"),
        (lambda task, chunks: here(task, chunks or [[]]), "without chunks"),
    ],
)
def test_rules_of_executors(run: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=f"Executor breaks a rule: .*{rule}"):
        check_executor(Executor(run))

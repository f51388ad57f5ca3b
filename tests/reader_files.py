"""The same rows in every format, and how the tests of the readers read files."""

from __future__ import annotations

import inspect
import json
from importlib import import_module

from mods import BrokenRow, RawRow

ROWS = [{"instruction": f"é {i}", "output": "x" * i + '\n"'} for i in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
HUGE, DEEP = "1" * 5000, "[" * 100_000 + '"]"' + "]" * 100_000
"""Correct JSON that cannot be parsed: a number with too many digits, and too many brackets."""


def all_readers(**options):
    """The default readers by name, in the order in which they are registered."""
    made = {}
    for name in ("json", "jsonl", "csv", "parquet", "datasets"):
        module = import_module(f"mods_plugins.readers.{name}")
        module.register_readers(
            lambda name, factory: made.__setitem__(name, make(factory, options))
        )
    return made


def make(factory, options):
    """Make a reader with those of the options that it takes."""
    takes = inspect.signature(factory).parameters
    return factory(**{name: value for name, value in options.items() if name in takes})


def reader_of(path, **options):
    """The only reader that takes a file."""
    (reader,) = [r for r in all_readers(**options).values() if r.matches(str(path))]
    return reader


def read(path, content=None, **options):
    """Write a file (text or bytes) and read it with the only reader that takes it."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(reader_of(path, **options).read(str(path)))


def rows(result):
    """The data of rows none of which is broken, numbered without a gap."""
    result = list(result)
    assert all(isinstance(row, RawRow) for row in result), result
    assert [row.row for row in result] == list(range(1, len(result) + 1))
    return [row.data for row in result]


def broken(result):
    """Reason and text of the broken rows, by number."""
    return {row.row: (row.reason, row.text) for row in result if isinstance(row, BrokenRow)}


def write_csv(delimiter=","):
    def quoted(text):
        return '"' + text.replace('"', '""') + '"'

    lines = [["instruction", "output"], *([quoted(v) for v in row.values()] for row in ROWS)]
    return "".join(delimiter.join(line) + "\r\n" for line in lines)


TEXTS = {
    "a.json": json.dumps(ROWS),
    "pretty.json": json.dumps(ROWS, indent=4),
    "windows.json": json.dumps(ROWS, ensure_ascii=False, indent=1).replace("\n", "\r\n"),
    "wrapped.json": json.dumps({"version": 1, "tags": ["a"], "data": ROWS}),
    "wrapped-pretty.json": json.dumps({"data": ROWS}, indent=2),
    "lines-in-disguise.json": LINES,
    "a.jsonl": LINES,
    "a.ndjson": LINES.rstrip("\n").replace("\n", "\r\n"),
    "array-in-disguise.jsonl": json.dumps(ROWS, indent=4),
    "a.csv": write_csv(),
    "semicolons.csv": write_csv(";"),
    "a.tsv": write_csv("\t"),
}

"""Reads mutated rows of every format and fails on anything but a row, a reason or a `ModsError`.

    python tools/fuzz_reading.py [N] [--seed SEED]

Rows of our own, and of $MODS_SHARED_DATA where it is set, are mutated and written as JSON, JSONL,
CSV, TSV or Parquet, plain or packed, some files with damaged bytes. After each file: rows in =
records + duplicates + broken; every record can be made again; what would be written of it is JSON.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import gzip
import importlib
import io
import json
import lzma
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mods import ModsError
from mods.data.reading import Reading, read_sources
from mods.files import to_json

ROWS_A_FILE = 400
FIRST = {"instruction": "Name a tree.", "output": "Oak"}
"""The first row of every file, so that no file is given up as unknown."""
USER, REPLY = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SEEDS: list[dict[str, Any]] = [
    FIRST,
    {"instruction": "Add.", "input": "1 2", "output": 3, "history": [["a", "b"]], "system": "s"},
    {"prompt": "Go on.", "response": "<think>a</think>b", "history": []},
    {"prompt": [USER], "completion": [REPLY], "label": True, "weight": 0.5},
    {"question": "Which?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"},
    {"question": "Which?", "choices": ["a", "b"], "answer": 1},
    {"question": "Who?", "context": "Ada.", "answers": {"text": ["Ada"], "answer_start": [0]}},
    {"query": "Rain?", "answers": '[{"name": "f", "arguments": {}}]', "tools": '[{"name": "f"}]'},
    {"messages": [{"role": "system", "content": ""}, USER, REPLY], "tools": [{"name": "f"}]},
    {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                  {"role": "tool", "content": "4", "tool_call_id": "c"}, {**REPLY, "weight": 1}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
                                               {"type": "image_url", "image_url": {"url": "u"}}]},
                  {**REPLY, "reasoning_content": "r"}], "images": ["a.png"]},
    {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    {"conversation": [{"human": "a", "assistant": "b"}]},
    {"data": ["a", "b", "c", "d"]},
    {"messages": {"role": ["user", "assistant"], "content": ["a", "b"]}},
    {"prompt": "a", "chosen": "b", "rejected": "c"},
    {"chosen": [USER, REPLY], "rejected": [USER, REPLY]},
    {"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}},
    {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": ""},
]  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**70, 0.5, float("nan"), float("inf"), "", " ", "\n", "é", "😀",
    "\ud83d", "\x00", "\u2028", "<think>", "</think>", "<think>a</think>", '"', "\\", "[", "[]",
    "{}", "null", "NaN", '[["a", "b"]]', '{"role": "user"}', '[{"role": "user", "content": "a"}]',
    [], {}, [[]], [{}], [None], ["a"], ["a", "b"], {"a": 1}, {"role": "user"}, {"text": []},
    {"text": "a"}, {"bytes": "x"}, USER, REPLY, [USER, REPLY], [CALL], "a\tb", "a,b", "a\r\nb", "0",
    "assistant", "judge", "x" * 3000,
]  # fmt: skip
NAMES = sorted(
    {name for row in SEEDS for name in row} | {"article", "Input", "kto_tag", "video", ""}
)


class Mutator:
    """Makes rows that are nearly right."""

    def __init__(self, rng: random.Random, seeds: list[dict[str, Any]]) -> None:
        self.rng = rng
        self.seeds = [json.dumps(row) for row in seeds]

    def row(self) -> dict[str, Any]:
        """Return a row with up to three changes."""
        made: dict[str, Any] = json.loads(self.rng.choice(self.seeds))
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            self.change(made)
        return made

    def change(self, where: Any) -> None:
        """Change something in an object or a list, or deeper in it."""
        rng = self.rng
        places = list(where) if isinstance(where, dict) else list(range(len(where)))
        if not places or rng.random() < 0.1:
            if isinstance(where, dict):
                where[rng.choice(NAMES)] = rng.choice(ODD)
            else:
                where.append(rng.choice(ODD))
            return
        at = rng.choice(places)
        if isinstance(where[at], (dict, list)) and rng.random() < 0.6:
            where[at] = json.loads(json.dumps(where[at]))  # the odd values are shared
            self.change(where[at])
            return
        kind = rng.random()
        if kind < 0.5:
            where[at] = rng.choice(ODD)
        elif kind < 0.65:
            del where[at]
        elif kind < 0.8:
            where[at] = json.dumps(where[at])
        elif isinstance(where[at], str):
            where[at] = self.cut(where[at])
        elif isinstance(where, dict):
            where[rng.choice(NAMES)] = where.pop(at)

    def cut(self, text: str) -> str:
        """Return a text with an odd one in the middle, or a piece of it."""
        at = self.rng.randint(0, len(text))
        odd = self.rng.choice([odd for odd in ODD if isinstance(odd, str)])
        return text[:at] + self.rng.choice([odd, ""]) + text[self.rng.choice([at, at + 1]) :]

    def damage(self, content: bytes) -> bytes:
        """Return a file with some bytes changed, added or lost."""
        damaged = bytearray(content)
        for _ in range(self.rng.randint(1, 5)):
            at = self.rng.randrange(len(damaged) or 1)
            damaged[at : at + self.rng.choice([0, 1, 1, 9])] = self.rng.choice(
                [
                    b"",
                    b"\xff",
                    b'"',
                    b"\n",
                    b"{",
                    b"]",
                    b"\x00",
                    b"\\",
                    b"\t",
                    self.rng.randbytes(3),
                ]
            )
        return bytes(damaged)


# --- formats ------------------------------------------------------------------------------------


def as_jsonl(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """One row a line, in the spellings that writers have."""
    lines = []
    for row in rows:
        text = json.dumps(row, separators=rng.choice([None, (",", ":"), (" , ", " : ")]))
        if rng.random() < 0.02:  # a field that stands twice
            text = text.replace("{", '{"input": 1, "input": 2, ', 1)
        lines.append(text)
    return "\n".join(lines).replace(", }", "}").encode()


def as_json(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """An array, on one line or on many, or a document that holds one."""
    document = rng.choice([rows, rows, {"version": 1, "rows": rows}])
    return json.dumps(document, indent=rng.choice([None, 1])).encode()


def as_table(rows: list[dict[str, Any]], rng: random.Random, delimiter: str = ",") -> bytes:
    """CSV; what is no text is JSON in its cell."""
    names = list(dict.fromkeys(name for row in rows for name in row if name.strip()))
    file = io.StringIO()
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
    writer.writerow(names)
    writer.writerows([[cell(row.get(name)) for name in names] for row in rows])
    return file.getvalue().encode("utf-8", "surrogatepass")


def as_tsv(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """TSV."""
    return as_table(rows, rng, "\t")


def cell(value: Any) -> str:
    """Return what stands in a cell."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


def as_parquet(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """Parquet: columns as they are where they are of one kind, else JSON in a text."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
            texts = [cell(value).encode("utf-8", "replace") for value in values]
            columns[name] = pa.array(texts).cast(pa.string())
    file = io.BytesIO()
    try:
        parquet.write_table(pa.table(columns), file, row_group_size=rng.choice([100, None]))
    except pa.ArrowException:  # structs without fields
        return as_parquet([{n: cell(v) for n, v in row.items()} for row in rows], rng)
    return file.getvalue()


FORMATS: dict[str, Callable[[list[dict[str, Any]], random.Random], bytes]] = {
    "json": as_json, "jsonl": as_jsonl, "csv": as_table, "tsv": as_tsv, "parquet": as_parquet,
}  # fmt: skip
EXACT = ("json", "jsonl", "parquet")
"""Formats that say how many rows a file has."""
PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip


# --- the run ------------------------------------------------------------------------------------


def readers() -> dict[str, Any]:
    """Return the readers of files."""
    made: dict[str, Any] = {}
    for name in ("json", "jsonl", "csv", "parquet"):
        module = importlib.import_module(f"mods_plugins.readers.{name}")
        module.register_readers(lambda name, make: made.__setitem__(name, make(max_row_mb=1)))
    return made


def check(reading: Reading) -> None:
    """Fail unless every row is accounted for and can be made, shown and written."""
    records = reading.records
    assert reading.rows == len(records) + len(reading.duplicates) + len(reading.broken)
    for record, head in zip(records, records.heads(), strict=True):
        assert record.id == head.id
        assert record.response.strip()
        json.loads(record.text or to_json(record.raw))
    for row in reading.broken:
        assert row.reason
        row.text.encode("utf-8")
    reading.told  # noqa: B018


def fuzz(count: int, seed: int = 0, more: list[dict[str, Any]] | None = None) -> Counter[str]:
    """Read `count` rows; returns what became of them. A failure leaves its file and is raised."""
    rng = random.Random(seed)
    mutator, found, made = Mutator(rng, SEEDS + (more or [])), Counter[str](), readers()
    with tempfile.TemporaryDirectory() as folder:
        while found["rows"] < count:
            kind = rng.choice(list(FORMATS))
            rows = [FIRST, *(mutator.row() for _ in range(ROWS_A_FILE - 1))]
            content = FORMATS[kind](rows, rng)
            ending = rng.choice([*PACKED, "", "", ""]) if kind != "parquet" else ""
            is_damaged = rng.random() < 0.3
            inside = rng.random() < 0.8
            if is_damaged and inside:
                content = mutator.damage(content)
            content = PACKED[ending](content) if ending else content
            if is_damaged and not inside:
                content = mutator.damage(content)
            path = Path(folder) / f"rows.{kind}{ending}"
            path.write_bytes(content)
            found["rows"] += len(rows)
            found["files"] += 1
            try:
                reading = read_sources([str(path)], made)
                check(reading)
                if kind in EXACT and not is_damaged:
                    assert reading.rows == len(rows), f"{reading.rows} rows of {len(rows)}"
            except ModsError:
                assert is_damaged or kind in ("csv", "tsv"), traceback.format_exc()
                found["rows of files refused"] += len(rows)
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{path.name}"
                kept.write_bytes(content)
                print(f"failed on file {found['files']} of seed {seed}: {kept}", file=sys.stderr)
                raise
            else:
                found["records"] += len(reading.records)
                found["duplicates"] += len(reading.duplicates)
                found["broken"] += len(reading.broken)
    return found


def shared_rows() -> list[dict[str, Any]]:
    """Return some rows of the data beside the project, if it is there."""
    folder = os.environ.get("MODS_SHARED_DATA")
    rows: list[dict[str, Any]] = []
    for file in sorted(Path(folder).rglob("*.jsonl")) if folder else ():
        with file.open(encoding="utf-8") as lines:
            rows += [json.loads(line) for line, _ in zip(lines, range(20), strict=False)]
    return [row for row in rows if len(json.dumps(row)) < 2000]


def main() -> None:
    """Fuzz, and print what became of the rows and how fast."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    found = fuzz(options.count, options.seed, shared_rows())
    seconds = time.perf_counter() - start
    print(", ".join(f"{count:,} {name}" for name, count in found.items()))
    print(f"{seconds:.0f} s, {found['rows'] / seconds:,.0f} rows a second, no failure")


if __name__ == "__main__":
    main()

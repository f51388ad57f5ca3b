"""Rows of JSON: one parsed value, or one line of JSONL. A helper: no hooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

import orjson

from mods import BrokenRow, DataError, RawRow
from mods.files import exact
from mods.wording import json_kind, one_line
from mods_plugins.readers.files import BOM, SHOWN, FileReader, rest_of_line


def line_rows(file: IO[bytes], reader: FileReader) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of JSONL, numbered by line."""
    limit, number = reader.limit, 0
    while line := file.readline(limit + 3):  # the end of a line is none of the row
        number += 1
        if len(line) > limit + 2:
            size = len(line) + rest_of_line(file, line)
            yield reader.oversized(number, size, visible(line[:SHOWN]))
            continue
        if number == 1:
            line = line.removeprefix(BOM)
        line = line.strip()
        if line:
            yield line_row(number, line)


def line_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse one line of JSONL, which is kept as it is written."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return strange_row(number, line)
    if type(value) is not dict:
        return not_a_row(number, value, visible(line))
    if line.count(b'":') != len(value) or b" :" in line or b"\t:" in line or b"\r" in line:
        twice = names_twice(line)
        if twice:
            return BrokenRow(number, f"the field {twice!r} stands twice", visible(line))
        line = on_one_line(line)
    return RawRow(number, exact(value, line), line)


def strange_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse a line that the strict parser refuses: NaN, 1e999, lone surrogates, or no JSON."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: {error.reason} at byte {error.start + 1} of the line"
        return BrokenRow(number, reason, visible(line))
    try:
        value = json.loads(text)
        names = names_twice(line)
        if isinstance(value, dict) and not names:
            # NaN is no JSON: what is kept, and read, is null.
            kept = on_one_line(NO_NUMBER.sub(lambda found: found[1] or b"null", line))
            return RawRow(number, json.loads(kept), kept)
    except json.JSONDecodeError as error:
        return BrokenRow(number, f"not JSON: {said(error)} at column {error.colno}", text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(number, too_much(error), text)
    if names:
        return BrokenRow(number, f"the field {names!r} stands twice", text)
    return not_a_row(number, value, text)


TEXT = rb'("[^"\\]*(?:\\.[^"\\]*)*")'
NO_NUMBER = re.compile(TEXT + rb"|-?\b(?:NaN|Infinity)\b")
"""A text of JSON, or one of the words that Python writes for what is no number."""
SPACE = re.compile(TEXT + rb"|[ \t\r\n]+")
"""A text of JSON, or space between its tokens."""


def on_one_line(line: bytes) -> bytes:
    """Return JSON without space between its tokens if it takes several lines; else as it is."""
    if b"\n" not in line and b"\r" not in line:
        return line
    return SPACE.sub(lambda found: found[1] or b"", line)


def not_a_row(number: int, value: Any, text: str) -> BrokenRow:
    """Return a value that is no object as a broken row."""
    return BrokenRow(number, f"expected an object, found {json_kind(value)}", text)


def names_twice(line: bytes) -> str:
    """Return a name that stands twice in one object of the line, or nothing."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found.append(name)
            seen.add(name)

    try:
        json.loads(line, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return ""
    return found[0] if found else ""


def visible(line: bytes) -> str:
    r"""Return bytes as text, what is not UTF-8 written as `\xff`."""
    return line.decode("utf-8", "backslashreplace")


def said(error: json.JSONDecodeError) -> str:
    """Return what is wrong, without the word that some messages end with before a place."""
    return error.msg.removesuffix(" at")


def too_much(error: Exception) -> str:
    """Say why correct JSON cannot be parsed."""
    if isinstance(error, RecursionError):
        return "not readable: the JSON is nested too deeply"
    return f"not readable: {one_line(error)}"


def not_json(source: str, message: str, line: int, column: int) -> DataError:
    """Say where a JSON file stops being JSON."""
    return DataError(
        f"{source} is not JSON at line {line}, column {column}: {message}. If it was cut off, "
        "fetch it again; as JSONL (one object per line, .jsonl) only the broken lines are lost"
    )

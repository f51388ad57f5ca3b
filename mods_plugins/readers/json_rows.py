"""Rows of JSON: one parsed value, or one line of JSONL. A helper: no hooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import orjson

from mods import BrokenRow, DataError, RawRow
from mods.wording import json_kind, one_line
from mods_plugins.readers.files import BOM, FileReader, likely_encoding, lines_of


def line_rows(file: IO[bytes], reader: FileReader) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of JSONL, numbered by line."""
    is_utf8 = reader.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    for number, (line, size) in enumerate(lines_of(file, reader.limit), 1):
        if number == 1:
            line = line.removeprefix(BOM)
        if size > reader.limit + 2:  # the end of the line is none of the row
            yield reader.oversized(number, size, line.decode("utf-8", "backslashreplace"))
            continue
        line = line.strip()
        if not line:
            continue
        if not is_utf8:
            try:
                line = line.decode(reader.encoding).encode()
            except UnicodeError as error:
                yield BrokenRow(number, f"not {reader.encoding}: {one_line(error)}", visible(line))
                continue
        yield line_row(number, line)


def line_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse one line of JSONL, which is kept as it is written."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return strange_row(number, line)
    if type(value) is not dict:
        return BrokenRow(number, f"expected an object, found {json_kind(value)}", visible(line))
    if line.count(b'":') > len(value) and names_twice(line):
        return BrokenRow(number, f"the field {names_twice(line)!r} stands twice", visible(line))
    return RawRow(number, value, line)


def strange_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse a line that the strict parser refuses: NaN, lone surrogates, or no JSON at all."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        likely = likely_encoding(line)
        reason = (
            f"not UTF-8: {error.reason} at byte {error.start + 1} of the line; it may be {likely}: "
            f"try `encoding` {likely}"
        )
        return BrokenRow(number, reason, visible(line))
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return BrokenRow(number, f"not JSON: {error.msg} at column {error.colno}", text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(number, too_much(error), text)
    # Its text is not kept: others would not take it for JSON.
    return json_row(number, value, text)


def json_row(number: int, value: Any, text: str, line: bytes | None = None) -> RawRow | BrokenRow:
    """Return a parsed value as a row, broken if it is no object."""
    if isinstance(value, dict):
        return RawRow(number, value, line)
    return BrokenRow(number, f"expected an object, found {json_kind(value)}", text)


def names_twice(line: bytes) -> str:
    """Return a name that stands twice in one object of the line, or nothing."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        found.extend({name for name in names if names.count(name) > 1} if
                     len(set(names)) < len(names) else ())  # fmt: skip

    try:
        json.loads(line, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return ""
    return found[0] if found else ""


def visible(line: bytes) -> str:
    r"""Return bytes as text, what is not UTF-8 written as `\xff`."""
    return line.decode("utf-8", "backslashreplace")


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

"""Rows of JSON: one parsed value, or one line of JSONL. A helper: no hooks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from mods import BrokenRow, DataError, RawRow
from mods.wording import json_kind, one_line
from mods_plugins.readers.files import BOM


def line_rows(lines: Iterable[bytes]) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of JSONL, numbered by line."""
    for number, line in enumerate(lines, 1):
        content = (line.removeprefix(BOM) if number == 1 else line).strip()
        if content:
            yield _line_row(number, content)


def _line_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse one line of JSONL."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: {error.reason} at byte {error.start + 1} of the line"
        return BrokenRow(number, reason, line.decode("utf-8", "backslashreplace"))
    try:
        return json_row(number, json.loads(text), text)
    except json.JSONDecodeError as error:
        return BrokenRow(number, f"not JSON: {error.msg} at column {error.colno}", text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(number, too_much(error), text)


def json_row(number: int, value: Any, text: str) -> RawRow | BrokenRow:
    """Return a parsed value as a row, broken if it is no object."""
    if isinstance(value, dict):
        # The parser makes new key strings in every row; shared ones save an eighth of the memory.
        return RawRow(number, {sys.intern(key): item for key, item in value.items()})
    return BrokenRow(number, f"expected an object, found {json_kind(value)}", text)


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

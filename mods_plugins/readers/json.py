"""JSON files: arrays, documents, and JSONL in disguise. Registers the reader `json`."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from mods import BrokenRow, DataError, RawRow, hookimpl
from mods_plugins.readers.files import BOM, FileReader
from mods_plugins.readers.json_array import ArrayText, array_rows
from mods_plugins.readers.json_rows import (
    line_row,
    line_rows,
    not_json,
    on_one_line,
    said,
    too_much,
)

if TYPE_CHECKING:
    from mods.interfaces import Register

LARGEST_DOCUMENT = 8
"""So many times the limit of a row a document may take that is read as a whole."""
START = 1 << 20
"""Bytes in which something must stand that is no space."""
TURNS = ("messages", "conversations", "conversation", "prompt", "completion")
"""Fields whose arrays of objects are the turns of one conversation, not rows."""


class JsonReader(FileReader):
    """JSON: an array of objects, an object with one such array in a field, or JSONL in disguise.

    Arrays are read piece by piece. The row number is the place in the array; in JSONL the line.
    """

    understands = "JSON (.json, also compressed)"
    endings = (".json",)

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` with line and column if the file is not JSON."""
        with self.opened(source) as file:
            layout = _layout(file)
            file.seek(0)
            if layout == "array":
                yield from array_rows(file, source, self)
            elif layout == "lines":
                yield from line_rows(file, self)
            else:
                yield from _document_rows(file, source, self)


def _layout(file: IO[bytes]) -> str:
    """Say how a JSON file is laid out: `array`, `lines` (an object on each) or `document`."""
    start = file.read(START).removeprefix(BOM).lstrip()
    if start.startswith(b"["):
        return "array"
    file.seek(0)
    filled = (line.removeprefix(BOM).strip() for line in iter(lambda: file.readline(START), b""))
    first, second = next((x for x in filled if x), b""), next((x for x in filled if x), b"")
    # After a line that is closed, a document could only go on with one of these.
    is_lines = first[:1] + first[-1:] == b"{}" and second[:1] not in b",]}"
    return "lines" if is_lines else "document"


def _document_rows(
    file: IO[bytes], source: str, reader: FileReader
) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of a file that is one JSON object: those of its array, or itself."""
    largest = LARGEST_DOCUMENT * reader.limit
    content = file.read(largest + 1)
    if len(content) > largest:
        raise DataError(
            f"{source} is one JSON document of more than {largest >> 20} MB: write its rows as "
            "JSONL (one object per line, .jsonl), or raise `max_row_mb`"
        )
    try:
        text = content.removeprefix(BOM).decode("utf-8")
        values = _members(text)
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise not_json(source, said(error), error.lineno, error.colno) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: {too_much(error)}") from error
    del content
    arrays = [name for name, (rows, _) in values.items() if rows]
    if len(arrays) > 1:
        raise DataError(
            f"{source} is an object with several arrays of rows ({', '.join(arrays)}): "
            "write the one you mean to a file of its own"
        )
    if arrays:
        _, place = values[arrays[0]]
        yield from ArrayText(io.StringIO(text[place]), source, reader.limit).rows()
    else:
        yield line_row(1, on_one_line(text.strip().encode()))


def _members(text: str) -> dict[str, tuple[bool, slice]]:
    """Return the fields of an object: whether each holds rows, and where in the text it stands.

    Raises `ValueError` for what is no JSON; a value that is no object has no fields.
    """
    decoder = json.JSONDecoder()
    at = len(text) - len(text.lstrip())
    value, end = decoder.raw_decode(text, at)
    rest = SPACE.match(text, end).end()  # type: ignore[union-attr]
    if rest < len(text):
        raise json.JSONDecodeError("Extra data", text, rest)
    if not isinstance(value, dict):
        return {}
    places = {}
    for name in value:
        at = SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
        found, at = decoder.raw_decode(text, at)
        if found != name:  # a name stands twice: `line_row` says so
            return {}
        at = SPACE.match(text, text.index(":", at) + 1).end()  # type: ignore[union-attr]
        start = at
        rows, at = decoder.raw_decode(text, at)
        places[name] = _are_rows(name, rows), slice(start, at)
        at = SPACE.match(text, at).end()  # type: ignore[union-attr]
    return places


SPACE = re.compile(r"[ \t\r\n]*")


def _are_rows(name: str, value: Any) -> bool:
    """Say whether a field holds rows, not the turns of one conversation."""
    return (
        isinstance(value, list)
        and any(isinstance(item, dict) for item in value)
        and name not in TURNS
    )


@hookimpl
def register_readers(register: Register) -> None:
    """Register `json`."""
    register("json", JsonReader)

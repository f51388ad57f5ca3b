"""JSON files: arrays, documents, and JSONL in disguise. Registers the reader `json`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from mods import BrokenRow, DataError, RawRow, hookimpl
from mods_plugins.readers.files import BOM, FileReader, decoded, lines_of, opened
from mods_plugins.readers.json_array import array_rows
from mods_plugins.readers.json_rows import json_row, line_rows, not_json, too_much

if TYPE_CHECKING:
    from mods.interfaces import Register

LARGEST_DOCUMENT = 4 << 30
"""Bytes of a document that is read as a whole."""
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
        with opened(source) as file:
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
    filled = (line.removeprefix(BOM).strip() for line, _ in lines_of(file, START))
    first, second = next((x for x in filled if x), b""), next((x for x in filled if x), b"")
    # After a line that is closed, a document could only go on with one of these.
    is_lines = first[:1] + first[-1:] == b"{}" and second[:1] not in b",]}"
    return "lines" if is_lines else "document"


def _document_rows(
    file: IO[bytes], source: str, reader: FileReader
) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of a file that is one JSON object: those of its array, or itself."""
    content = file.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise DataError(
            f"{source} is one JSON document of more than {LARGEST_DOCUMENT >> 20} MB: write its "
            "rows as JSONL (one object per line, .jsonl)"
        )
    try:
        with decoded(io.BytesIO(content), reader.encoding) as text:
            document = json.loads(text.read())
    except json.JSONDecodeError as error:
        raise not_json(source, error.msg, error.lineno, error.colno) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 (byte {error.start + 1}): convert it") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: {too_much(error)}") from error
    arrays = _row_arrays(document) if isinstance(document, dict) else []
    if len(arrays) > 1:
        raise DataError(
            f"{source} is an object with several arrays of rows ({', '.join(arrays)}): "
            "write the one you mean to a file of its own"
        )
    rows = document[arrays[0]] if arrays else [document]
    del document
    for number, value in enumerate(rows, 1):
        yield json_row(number, value, "" if isinstance(value, dict) else json.dumps(value))


def _row_arrays(document: dict[str, Any]) -> list[str]:
    """Return the fields that hold arrays of rows, not the turns of one conversation."""
    return [
        name
        for name, value in document.items()
        if isinstance(value, list)
        and any(isinstance(item, dict) for item in value)
        and name not in TURNS
    ]


@hookimpl
def register_readers(register: Register) -> None:
    """Register `json`."""
    register("json", JsonReader)

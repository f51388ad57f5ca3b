"""JSONL files: one object a line. Registers the reader `jsonl`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mods import BrokenRow, RawRow, hookimpl
from mods_plugins.readers.files import BOM, FileReader
from mods_plugins.readers.json_array import array_rows
from mods_plugins.readers.json_rows import line_rows

if TYPE_CHECKING:
    from mods.interfaces import Register


class JsonLinesReader(FileReader):
    """JSONL: one object per line. The row number is the line; blank lines are no rows."""

    understands = "JSONL (.jsonl, .ndjson, also compressed)"
    endings = (".jsonl", ".ndjson")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows line by line; a file that is really a JSON array is read as one."""
        with self.opened(source) as file:
            is_array = file.read(PROBE).removeprefix(BOM).lstrip().startswith(b"[")
            file.seek(0)
            yield from array_rows(file, source, self) if is_array else line_rows(file, self)


PROBE = 1 << 16
"""Bytes at the start that tell an array from an object."""


@hookimpl
def register_readers(register: Register) -> None:
    """Register `jsonl`."""
    register("jsonl", JsonLinesReader)

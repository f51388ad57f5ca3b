"""CSV and TSV files with a header line. Registers the reader `csv`."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from mods import BrokenRow, DataError, RawRow, hookimpl
from mods_plugins.readers.files import (
    SAMPLE,
    SHOWN,
    FileReader,
    decoded,
    is_utf8,
    visible,
)

if TYPE_CHECKING:
    from mods.interfaces import Register

LONGEST_VALUE = min(sys.maxsize, 2**31 - 1)
"""Characters: what every system takes. The default of 128 KiB is less than a long response."""
DELIMITERS = ",;\t"
"""Of two that the header has as many of, the first."""


class CsvReader(FileReader):
    """CSV or TSV with a header line; all values are texts.

    The delimiter is a tab in TSV, otherwise whichever of `,` `;` and tab the header has most of.
    The row number counts rows after the header: a quoted value may span lines.
    """

    understands = "CSV and TSV (.csv, .tsv, also compressed)"
    endings = (".csv", ".tsv")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the header is empty or names a column twice."""
        csv.field_size_limit(LONGEST_VALUE)  # it can only be set globally
        is_tsv = ".tsv" in os.path.basename(source.lower())
        with self.opened(source) as file, contextlib.ExitStack() as stack:
            # In TSV a quote is text unless it encloses the field.
            plain = is_tsv and not _quotes(file)
            text = stack.enter_context(decoded(file, newline=""))
            lines = _Lines(text, self.limit)
            delimiter = "\t" if is_tsv else max(DELIMITERS, key=lines.first.count)
            rows: Iterator[list[str]] = csv.reader(
                lines,
                delimiter=delimiter,
                strict=True,
                quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
            )
            if plain:
                rows = ([_bare(cell) for cell in cells] for cells in rows)
            yield from _table_rows(rows, lines, _header(rows, source))


def _quotes(file: IO[bytes]) -> bool:
    """Say whether quotes of a TSV file hold fields together that span lines or have tabs in them.

    If not, each line is a row: a quote that is never closed is text, and costs no rows.
    """
    sample = file.read(SAMPLE)
    file.seek(0)
    is_cut = len(sample) == SAMPLE
    text = sample[: sample.rfind(b"\n") + 1 if is_cut else None].decode("utf-8", "replace")
    plain = [line.count("\t") for line in text.split("\n") if line.strip()]
    wrong = sum(count != plain[0] for count in plain)
    if not wrong:
        return False
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    odd = 0
    try:
        for row in rows:
            odd += bool(row) and len(row) != plain[0] + 1
    except csv.Error as error:
        if not (is_cut and "end of data" in str(error)):
            return False
    return odd < wrong


def _bare(cell: str) -> str:
    """Take the quotes off a field that they enclose."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        inside = cell[1:-1]
        if '"' not in inside.replace('""', ""):
            return inside.replace('""', '"')
    return cell


class _Lines:
    """The lines of a table; remembers those of the current row for its quarantine entry."""

    def __init__(self, file: IO[str], limit: int) -> None:
        self._file = file
        self.limit = limit
        self.first = file.readline(limit)
        self._waiting = [self.first] if self.first else []
        self._row: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.pop() if self._waiting else self._file.readline(self.limit)
        if not line:
            raise StopIteration
        self._row.append(line)
        return line

    def take(self) -> str:
        """Return the lines since the last call."""
        text = "".join(self._row)
        self._row.clear()
        return text


def _header(rows: Iterator[list[str]], source: str) -> list[str]:
    """Return the column names; `DataError` if there are none or one comes twice."""
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise DataError(f"{source}: the header line is not CSV: {error}") from error
    if not any(header):
        raise DataError(f"{source} has no header line: the first line must name the columns")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise DataError(f"{source}: the header names column {twice[0]!r} twice")
    return header


def _table_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str]
) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows below the header; blank lines are no rows."""
    number = 0
    lines.take()
    while True:
        problem = ""
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], f"not CSV: {error}"
        text = lines.take()
        if not text.strip():
            continue
        number += 1
        if len(text) >= lines.limit:
            problem, text = f"larger than {lines.limit >> 20} MB (`max_row_mb`)", text[:SHOWN]
        elif not is_utf8(text):
            problem = "not UTF-8"
        elif not problem and len(cells) != len(header):
            problem = f"expected {len(header)} values as in the header, found {len(cells)}"
        if problem:
            yield BrokenRow(number, problem, visible(text))
        else:
            yield RawRow(number, dict(zip(header, cells, strict=True)))


@hookimpl
def register_readers(register: Register) -> None:
    """Register `csv`."""
    register("csv", CsvReader)

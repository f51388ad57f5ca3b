"""Reading: data sources become records, and what cannot become one is kept with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mods.data.layout import Layout
from mods.data.schemas import understood
from mods.data.sources import expand_sources, open_source
from mods.data.values import RowError, as_json
from mods.errors import DataError
from mods.records import BrokenRow, RawRow, Record
from mods.wording import json_kind

if TYPE_CHECKING:
    from mods.interfaces import Reader

PROBE = 100
"""If none of the first rows of a source fits a schema, the source is given up with an error."""
PROGRESS_EVERY = 1000
"""Rows between two progress reports."""


@dataclass
class Reading:
    """What became of every row: `rows == len(records) + len(duplicates) + len(broken)`."""

    records: list[Record] = field(default_factory=list)
    """The first record of each id, in input order."""
    duplicates: list[tuple[Record, Record]] = field(default_factory=list)
    """Records whose conversation came before, each with the record that was kept."""
    broken: list[BrokenRow] = field(default_factory=list)
    """Rows that cannot be a record, with source, row number, reason and raw text."""
    schemas: dict[str, dict[str, int]] = field(default_factory=dict)
    """By source: how many rows became records (or duplicates) through which schema."""
    rows: int = 0
    """Rows seen."""


def read_sources(
    sources: Sequence[str],
    readers: Mapping[str, Reader],
    *,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    strict: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Reading:
    """Read all sources, in order.

    A source is whatever a reader understands; a folder that none does is read file by file, in
    the order of the names. The first reader of the mapping that takes a source reads it: those
    of plug-ins come before the default ones there.

    `schema` and `columns` (column by field) are for rows that are not recognised by themselves.
    `strict` makes the first broken row an error. `on_progress` is called with the number of rows
    seen so far, about every thousand rows and after the last.

    Raises `DataError` for a source that cannot be read or recognised, that is given twice, and
    when not one usable row is found; `SettingsError` for a schema or columns that do not exist.
    """
    collector = _Collector(Layout(schema, columns or {}), strict, on_progress)
    for source in expand_sources(sources, readers):
        collector.add(source, open_source(source, readers))
    return collector.finish()


def read_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    source: str = "<python>",
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    strict: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Reading:
    """Read rows that are in Python already: a list of dicts, a `datasets.Dataset`.

    Options and errors are those of `read_sources`; rows are numbered from 1.
    """
    collector = _Collector(Layout(schema, columns or {}), strict, on_progress)
    collector.add(source, (RawRow(number, data) for number, data in enumerate(rows, 1)))
    return collector.finish()


@dataclass
class _Collector:
    """Sorts rows into records, duplicates and broken ones."""

    layout: Layout
    strict: bool
    on_progress: Callable[[int], None] | None
    reading: Reading = field(default_factory=Reading)
    kept: dict[str, Record] = field(default_factory=dict)

    def add(self, source: str, rows: Iterable[RawRow | BrokenRow]) -> None:
        """Take all rows of one source."""
        before, counts = self.reading.rows, Counter[str]()
        unknown: list[RawRow] | None = []
        for row in rows:
            self._count()
            if isinstance(row, BrokenRow):
                self._break(replace(row, source=source))
                continue
            if not isinstance(row.data, Mapping):
                self._break_data(row, source, f"expected an object, found {json_kind(row.data)}")
                continue
            schema = self.layout.recognise(row.data)
            if unknown is not None:
                unknown = None if schema else [*unknown, row]
                self._check_recognised(source, unknown, 1 if self.strict else PROBE)
            self._take(row, source, schema, counts)
        self._check_recognised(source, unknown, 1)
        if self.reading.rows == before:
            raise DataError(f"{source} holds no rows")
        self.reading.schemas[source] = dict(counts)

    def finish(self) -> Reading:
        """Check that every row is accounted for and that there is something to work with."""
        reading = self.reading
        if reading.rows != len(reading.records) + len(reading.duplicates) + len(reading.broken):
            raise AssertionError("reading lost or invented a row: this is a bug")
        if not reading.records:
            first = "; ".join(_place(row) for row in reading.broken[:3])
            raise DataError(f"none of the {reading.rows} rows can be used: {first}")
        if self.on_progress:
            self.on_progress(reading.rows)
        return reading

    def _count(self) -> None:
        self.reading.rows += 1
        if self.on_progress and self.reading.rows % PROGRESS_EVERY == 0:
            self.on_progress(self.reading.rows)

    def _take(self, row: RawRow, source: str, schema: str | None, counts: Counter[str]) -> None:
        """Turn one row into a record, a duplicate or a broken row."""
        try:
            record = self.layout.to_record(row.data, schema, source=source, row=row.row)
        except RowError as error:
            self._break_data(row, source, str(error))
            return
        counts[str(schema)] += 1
        first = self.kept.setdefault(record.id, record)
        if first is record:
            self.reading.records.append(record)
        else:
            self.reading.duplicates.append((record, first))

    def _break_data(self, row: RawRow, source: str, reason: str) -> None:
        self._break(BrokenRow(row.row, reason, as_json(row.data), source))

    def _break(self, row: BrokenRow) -> None:
        """Quarantine a row, or stop at it."""
        if self.strict:
            raise DataError(f"{_place(row)} (`strict` stops at the first broken row)")
        self.reading.broken.append(row)

    def _check_recognised(self, source: str, unknown: list[RawRow] | None, limit: int) -> None:
        """Give a source up if its first `limit` rows, or all there are, fit no schema."""
        if not unknown or len(unknown) < limit:
            return
        names = list(dict.fromkeys(str(name) for row in unknown for name in row.data))
        raise DataError(
            f"{source}: the rows fit {_wanted(self.layout)}. Columns found: "
            f"{', '.join(names[:20]) or 'none'}. Understood: {understood()}. "
            "Say which it is with `schema`, or where the fields are with `columns` "
            "instruction=COLUMN,output=COLUMN"
        )


def _wanted(layout: Layout) -> str:
    """Say what rows did not fit."""
    if layout.schema is None:
        return "no schema"
    columns = ", ".join(f"{field}={column}" for field, column in layout.columns.items())
    return f"not the schema {layout.schema}" + (f" with {columns}" if columns else "")


def _place(row: BrokenRow) -> str:
    """Say where a broken row is and why it is broken."""
    return f"{row.source}, row {row.row}: {row.reason}"

"""Reading: data sources become records, and what cannot become one is kept with its reason."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mods.data.build import record_of
from mods.data.kept import KeptRecords, identity_of, plain_identity
from mods.data.layout import Layout
from mods.data.overview import SourceView
from mods.data.schemas import understood
from mods.data.sources import expand_sources, open_source
from mods.data.values import RowError, as_json
from mods.errors import DataError
from mods.records import BrokenRow, RawRow
from mods.wording import json_kind

if TYPE_CHECKING:
    from mods.data.found import Assignment
    from mods.interfaces import Reader

PROBE = 100
"""If none of the first rows of a source fits a schema, the source is given up with an error."""
PROGRESS_EVERY = 1000
"""Rows between two progress reports."""
SHOWN = 20
"""So many columns are named in a message."""


class Duplicate(NamedTuple):
    """A row whose conversation came before."""

    id: str
    source: str
    row: int
    of: int
    """Place among the records of the one that was kept."""


@dataclass
class Reading:
    """What became of every row: `rows == len(records) + len(duplicates) + len(broken)`."""

    records: KeptRecords = field(default_factory=KeptRecords)
    """The first record of each id, in input order."""
    duplicates: list[Duplicate] = field(default_factory=list)
    """Rows whose conversation came before."""
    broken: list[BrokenRow] = field(default_factory=list)
    """Rows that cannot be a record, with source, row number, reason and raw text."""
    views: dict[str, SourceView] = field(default_factory=dict)
    """By source: how its rows were read, and what of them was not used."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say about the sources: files of folders that were left out."""
    rows: int = 0
    """Rows seen."""

    @property
    def sources(self) -> list[str]:
        """The sources in order."""
        return list(self.views)

    @property
    def told(self) -> list[str]:
        """How everything was read, in words: the notes, then what there is to say by source."""
        views = self.views.items()
        return [*self.notes, *(line for source, view in views for line in view.told(source))]


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
    collector = _Collector(Layout(schema, columns), strict, on_progress)
    listing = expand_sources(sources, readers)
    collector.reading.notes += listing.notes
    with uncollected():
        for source in listing.files:
            said = listing.columns.get(source) if not (schema or columns) else None
            if said is not None:
                collector.layout = Layout(None, said)
            collector.add(source, open_source(source, readers))
            if said is not None:
                collector.layout = Layout(schema, columns)
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
    collector = _Collector(Layout(schema, columns), strict, on_progress)
    with uncollected():
        collector.add(source, (RawRow(number, data) for number, data in enumerate(rows, 1)))
    return collector.finish()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's search for circles of objects away: rows have none, but are many."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass
class _Collector:
    """Sorts rows into records, duplicates and broken ones."""

    layout: Layout
    strict: bool
    on_progress: Callable[[int], None] | None
    reading: Reading = field(default_factory=Reading)

    def add(self, source: str, rows: Iterable[RawRow | BrokenRow]) -> None:
        """Take all rows of one source."""
        before = self.reading.rows
        view = self.reading.views[source] = SourceView()
        unknown: list[RawRow] | None = []
        for row in rows:
            self.reading.rows += 1
            if self.reading.rows % PROGRESS_EVERY == 0 and self.on_progress:
                self.on_progress(self.reading.rows)
            if isinstance(row, BrokenRow):
                self._break(replace(row, source=source))
            elif self._take(row, source, view):
                unknown = None
            elif unknown is not None:
                unknown.append(row)
                self._check_recognised(source, unknown, 1 if self.strict else PROBE)
        self._check_recognised(source, unknown, 1)
        if self.reading.rows == before:
            raise DataError(f"{source} holds no rows")
        view.settle()

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

    def _take(self, row: RawRow, source: str, view: SourceView) -> bool:
        """Turn one row into a record, a duplicate or a broken row; False if it fits no schema."""
        data = row.data
        if type(data) is not dict and not isinstance(data, Mapping):
            self._break_data(row, source, f"expected an object, found {json_kind(data)}")
            return True
        assignment = self.layout.assign(data)
        found = None
        if assignment is not None and assignment.plain is not None:
            found = plain_identity(data, assignment.plain)
        if found is None:
            try:
                found = self._look(row, source, assignment, view)
            except RowError as error:
                if self.strict and assignment is None and not view.rows:
                    self._check_recognised(source, [row], 1)
                self._break_data(row, source, str(error))
                return assignment is not None
        assert assignment is not None
        view.rows[assignment] += 1
        first = self.reading.records.add(*found, row, source, assignment)
        if first is not None:
            digest = found[0].hex()
            self.reading.duplicates.append(Duplicate(digest, source, row.row, first))
        return True

    def _look(
        self, row: RawRow, source: str, assignment: Assignment | None, view: SourceView
    ) -> tuple[bytes, int]:
        """Build the record of a row, and return its identity."""
        self.layout.check(row.data)
        if assignment is None:
            raise RowError(self.layout.missing(row.data))
        record = record_of(row.data, assignment, view.ignored, source=source, row=row.row)
        view.look_at(record)
        return identity_of(record)

    def _break_data(self, row: RawRow, source: str, reason: str) -> None:
        text = as_json(row.data) if row.text is None else row.text.decode("utf-8", "replace")
        self._break(BrokenRow(row.row, reason, text, source))

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
            f"{source}: the rows fit {self.layout.described}. Columns found: "
            f"{', '.join(names[:SHOWN]) or 'none'}. Understood: {understood()}. "
            "Say which it is with `schema`, or where the fields are with `columns` "
            "instruction=COLUMN,output=COLUMN"
        )


def _place(row: BrokenRow) -> str:
    """Say where a broken row is and why it is broken."""
    return f"{row.source}, row {row.row}: {row.reason}"

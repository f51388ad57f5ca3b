"""Reading: data sources become records, and what cannot become one is kept with its reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mods.errors import DataError, ModsError, PluginError
from mods.records import BrokenRow, RawRow, Record
from mods.schemas import Layout, RowError, as_json, kind, understood

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
    the order of the names. The readers are asked from the last to the first, so that a plug-in
    registered after the default readers comes before them.

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


def open_source(source: str, readers: Mapping[str, Reader]) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of one source as its reader finds them.

    Raises `DataError` if no reader understands it, `PluginError` if the reader breaks its rules.
    """
    name = find_reader(source, readers)
    if name is None:
        raise _not_understood(source, readers)
    seen: set[int] = set()
    for row in _guarded(name, readers[name], source):
        if not isinstance(row, (RawRow, BrokenRow)):
            raise PluginError(
                f"reader {name!r} yielded {kind(row)} for {source}: expected RawRow or BrokenRow"
            )
        if row.row in seen:
            raise PluginError(
                f"reader {name!r} yielded row {row.row} of {source} twice: every row of a source "
                "needs a number of its own"
            )
        seen.add(row.row)
        yield row


def _guarded(name: str, reader: Reader, source: str) -> Iterator[Any]:
    """Yield what a reader yields; what it raises names the reader and the source."""
    try:
        yield from reader.read(source)
    except (ModsError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(
            f"reader {name!r} failed on {source}: {type(error).__name__}: {error}"
        ) from error


def find_reader(source: str, readers: Mapping[str, Reader]) -> str | None:
    """Return the name of the reader of `source`, or None; the last registered is asked first."""
    return next((n for n in reversed(list(readers)) if readers[n].matches(source)), None)


def expand_sources(sources: Sequence[str], readers: Mapping[str, Reader]) -> list[str]:
    """Replace folders by the data files in them; `DataError` if something is given twice."""
    if not sources:
        raise DataError("no data source was given: name at least one file, folder or hub id")
    expanded = [file for source in sources for file in _expand(str(source), readers)]
    seen: dict[str, str] = {}
    for source in expanded:
        place = os.path.realpath(source)
        if place in seen:
            raise DataError(
                f"{source} is given twice (first as {seen[place]}): name every source once"
            )
        seen[place] = source
    return expanded


def _expand(source: str, readers: Mapping[str, Reader]) -> list[str]:
    """Return the data files of a folder in the order of their names, or the source itself."""
    if not os.path.isdir(source) or find_reader(source, readers) is not None:
        return [source]
    try:
        names = sorted(name for name in os.listdir(source) if not name.startswith("."))
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    paths = [os.path.join(source, name) for name in names]
    files = [path for path in paths if os.path.isfile(path) and find_reader(path, readers)]
    if not files:
        raise DataError(f"{source} is a folder without data files: expected {_readable(readers)}")
    return files


def _not_understood(source: str, readers: Mapping[str, Reader]) -> DataError:
    """Say why no reader takes a source."""
    if not os.path.exists(source):
        return DataError(f"{source}: there is no such file or folder")
    return DataError(
        f"{source} is of no kind that can be read: expected {_readable(readers)}. "
        "Convert it, or add a plug-in that registers a reader for it"
    )


def _readable(readers: Mapping[str, Reader]) -> str:
    """List what the readers understand."""
    return ", ".join(str(getattr(readers[name], "understands", name)) for name in readers)


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
                self._break_data(row, source, f"expected an object, found {kind(row.data)}")
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
            raise DataError(f"{_place(row)} (strict reading stops at the first broken row)")
        self.reading.broken.append(row)

    def _check_recognised(self, source: str, unknown: list[RawRow] | None, limit: int) -> None:
        """Give a source up if its first `limit` rows, or all there are, fit no schema."""
        if not unknown or len(unknown) < limit:
            return
        names = list(dict.fromkeys(str(name) for row in unknown for name in row.data))
        raise DataError(
            f"{source}: the rows fit {_wanted(self.layout)}. Columns found: "
            f"{', '.join(names[:20]) or 'none'}. Understood: {understood()}. "
            "Say which it is with --schema NAME, or where the fields are with "
            "--columns instruction=COLUMN,output=COLUMN"
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

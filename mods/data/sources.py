"""Sources: folders become files, each source gets its reader, and readers keep their rules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mods.data.folders import Listing, list_folder
from mods.errors import DataError, ModsError, PluginError
from mods.records import BrokenRow, RawRow
from mods.wording import describe, json_kind

if TYPE_CHECKING:
    from mods.interfaces import Reader


def open_source(source: str, readers: Mapping[str, Reader]) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of one source as its reader finds them.

    Raises `DataError` if no reader understands it, `PluginError` if the reader breaks its rules.
    """
    name = find_reader(source, readers)
    if name is None:
        raise _not_understood(source, readers)
    last = 0
    for row in _guarded(name, readers[name], source):
        if not isinstance(row, (RawRow, BrokenRow)):
            raise PluginError(
                f"reader {name!r} yielded {json_kind(row)} for {source}: "
                "expected RawRow or BrokenRow"
            )
        if row.row <= last:
            raise PluginError(
                f"reader {name!r} yielded row {row.row} of {source} after row {last}: the rows of "
                "a source are numbered from 1, each higher than the one before"
            )
        last = row.row
        yield row


def _guarded(name: str, reader: Reader, source: str) -> Iterator[Any]:
    """Yield what a reader yields; what it raises names the reader and the source."""
    try:
        yield from reader.read(source)
    except (ModsError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(f"reader {name!r} failed on {source}: {describe(error)}") from error


def find_reader(source: str, readers: Mapping[str, Reader]) -> str | None:
    """Return the name of the first reader that reads `source`, or None.

    The readers are asked in the order of the mapping: those of plug-ins come before the default
    ones there.
    """
    return next((name for name, reader in readers.items() if reader.matches(source)), None)


def expand_sources(sources: Sequence[str], readers: Mapping[str, Reader]) -> Listing:
    """Replace folders by the data files in them; `DataError` if something is given twice."""
    if not sources:
        raise DataError("no data source was given: name at least one file, folder or hub id")
    expanded = Listing()
    for source in sources:
        found = _expand(str(source), readers)
        expanded.files += found.files
        expanded.columns.update(found.columns)
        expanded.notes += found.notes
    seen: dict[str, str] = {}
    for source in expanded.files:
        place = source if is_remote(source) else os.path.realpath(source)
        if place in seen:
            raise DataError(
                f"{source} is given twice (first as {seen[place]}): name every source once"
            )
        seen[place] = source
    return expanded


REMOTE = re.compile(r"[a-z][a-z0-9+]*://.+")
LOCAL = "file://"


def is_remote(source: str) -> bool:
    """Say whether a source is an address, not a path or a hub id."""
    return REMOTE.fullmatch(source) is not None


def _expand(source: str, readers: Mapping[str, Reader]) -> Listing:
    """Return the data files of a folder in the order of their names, or the source itself."""
    if source.startswith(LOCAL):
        source = unquote(urlsplit(source).path)
    if is_remote(source) or find_reader(source, readers) is not None:
        return Listing([source])
    folder, split = source, ""
    if not os.path.exists(source):
        folder, _, split = source.rpartition(":")
    if not os.path.isdir(folder):
        return Listing([source])
    found = list_folder(folder, split, lambda path: find_reader(path, readers) is not None)
    if not found.files:
        raise DataError(
            f"{folder} is a folder without data files: expected {_readable(readers)}"
            + "".join(f"; {note}" for note in found.notes)
        )
    return found


def _not_understood(source: str, readers: Mapping[str, Reader]) -> DataError:
    """Say why no reader takes a source."""
    if not is_remote(source) and not os.path.exists(source):
        return DataError(f"{source}: there is no such file or folder")
    return DataError(
        f"{source} is of no kind that can be read: expected {_readable(readers)}. "
        "Convert it, or add a plug-in that registers a reader for it"
    )


def _readable(readers: Mapping[str, Reader]) -> str:
    """List what the readers understand."""
    return ", ".join(str(getattr(readers[name], "understands", name)) for name in readers)

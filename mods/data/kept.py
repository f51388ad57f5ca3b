"""Rows that were read, kept as small as they were written; records are made when asked for."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii as escaped
from typing import Any, NamedTuple, overload

from mods.data.build import record_of
from mods.data.found import Assignment
from mods.files import to_json
from mods.records import RawRow, Record

NO_SPLIT = -1
"""Stands for a prompt that is not split into instruction and input."""


class Head(NamedTuple):
    """What is known of a record without making it."""

    id: str
    source: str
    row: int
    key: str
    """See `Record.key`."""


class KeptRecords(Sequence[Record]):
    """Records in input order, the first of each id.

    A million records as objects take three times the memory of their file. So rows are kept as
    they were written, and a record is made each time it is asked for.
    """

    def __init__(self) -> None:
        self._rows: list[bytes | Mapping[str, Any]] = []
        self._places: dict[bytes, int] = {}
        self._numbers = array("q")
        self._splits = array("q")
        self._assigned = array("i")
        self._starts: list[int] = []
        self._source: str | None = None
        self._assignments: list[Assignment] = []
        self._sources: list[str] = []
        self._index: dict[Assignment, int] = {}

    def add(
        self, digest: bytes, split: int, row: RawRow, source: str, assignment: Assignment
    ) -> int | None:
        """Keep a row; returns the place of the record that had the same id before, else None.

        `digest` are the bytes of the id, `split` those of the key that follow it, as a number.
        """
        rows = self._rows
        known = self._places.setdefault(digest, len(rows))
        if known != len(rows):
            return known
        rows.append(row.data if row.text is None else row.text)
        self._numbers.append(row.row)
        self._splits.append(split)
        if assignment not in self._index:
            self._index[assignment] = len(self._assignments)
            self._assignments.append(assignment)
        self._assigned.append(self._index[assignment])
        if source != self._source:
            self._source = source
            self._sources.append(source)
            self._starts.append(len(rows) - 1)
        return None

    def _source_of(self, at: int) -> str:
        return self._sources[bisect_right(self._starts, at) - 1]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        """Make a record, or several."""
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        kept = self._rows[at]
        at = range(len(self._rows))[at]
        raw = parsed(kept) if isinstance(kept, bytes) else kept
        text = kept if isinstance(kept, bytes) else None
        return record_of(
            raw,
            self._assignments[self._assigned[at]],
            source=self._source_of(at),
            row=self._numbers[at],
            raw=raw,
            text=text,
        )

    def heads(self) -> Iterator[Head]:
        """Yield what is known of each record without making it, in order."""
        for at, digest in enumerate(self._places):
            identity = digest.hex()
            split = self._splits[at]
            key = identity if split == NO_SPLIT else f"{identity}-{split:08x}"
            yield Head(identity, self._source_of(at), self._numbers[at], key)

    def content(self, at: int) -> bytes:
        """Return a row as JSON: as it was written, or written now."""
        kept = self._rows[at]
        return kept if isinstance(kept, bytes) else to_json(kept)

    def head(self, at: int) -> tuple[str, int]:
        """Return source and row number of a record."""
        return self._source_of(at), self._numbers[at]


def identity_of(record: Record) -> tuple[bytes, int]:
    """Return the id of a record and the split of its key as `KeptRecords.add` takes them."""
    split = record.conversation.split
    return bytes.fromhex(record.id), int(split[1:], 16) if split else NO_SPLIT


def plain_identity(
    data: Mapping[str, Any], columns: tuple[str, str | None, str]
) -> tuple[bytes, int] | None:
    """Return what `identity_of` returns for the record of a plain row, without making it.

    None for a row that needs a closer look. The tests hold it against `identity_of`.
    """
    asked, answered = data[columns[0]], data[columns[2]]
    input = data[columns[1]] if columns[1] else ""
    if not (type(asked) is type(answered) is type(input) is str):
        return None
    user = f"{asked}\n{input}" if input else asked
    if not asked.strip() or not answered.strip() or "think>" in answered:
        return None
    if not (user.isascii() and answered.isascii()):
        try:
            f"{user}{answered}".encode()
        except UnicodeEncodeError:
            return None
    turns = f'[["user",{escaped(user)}],["assistant",{escaped(answered)}]]'
    digest = sha256(turns.encode("ascii")).digest()[:16]
    if not input:
        return digest, NO_SPLIT
    split = sha256(f"{len(asked)}:{input}".encode()).digest()[:4]
    return digest, int.from_bytes(split, "big")


def parsed(text: bytes) -> Any:
    """Parse a row that was read before."""
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # NaN, lone surrogates: what json reads besides
        return json.loads(text)

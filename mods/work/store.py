"""What was paid for is kept: scores, vectors and texts by plug-in identity and record id.

One SQLite file per identity, one transaction per batch: a killed run loses at most the batch in
work, and runs in different folders share what they have in common. Every row carries a checksum:
a row that the disk or a hand has changed is not given out but computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mods.errors import CacheError, PluginError
from mods.files import json_digest, on_network

IDS_PER_QUERY = 500
"""Below SQLite's limit on variables in its oldest supported builds."""
WAIT = 60
"""Seconds to wait for another process that writes the same file."""
PAUSE = 0.02
"""Seconds between two tries to open a file that another process sets up."""
ENDING = ".sqlite"
FORMAT = 3
"""Of the tables below; another one makes other files."""
DAMAGED = ".damaged"
"""The ending of a file that was set aside."""
ROW = "id, value, checksum, cut"
SCHEMA = """
CREATE TABLE IF NOT EXISTS results
  (id TEXT PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL, cut INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes
  (id TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (id, note)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (json TEXT PRIMARY KEY);
"""


def digest(identity: Mapping[str, Any]) -> str:
    """Hash an identity, 32 hexadecimal digits; `PluginError` if it is no plain JSON."""
    try:
        return json_digest(identity)
    except (TypeError, ValueError) as error:
        raise PluginError(f"identity() must give plain JSON: {error}") from error


def store_path(folder: Path, name: str, identity: Mapping[str, Any]) -> Path:
    """The file that holds the results of an identity."""
    return folder / f"{name}-{digest({'format': FORMAT, **identity})[:20]}{ENDING}"


def checksum(key: str, value: bytes, cut: int = 0) -> bytes:
    """Eight bytes that a changed row no longer fits."""
    secret = key.encode("utf-8", "replace")[:64]
    person = b"cut" if cut else b""
    return hashlib.blake2b(value, digest_size=8, key=secret, person=person).digest()


class Store:
    """A table from record id to bytes, for one identity."""

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        self.path = store_path(folder, name, identity)
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        self.noticed: list[str] = []
        """What was wrong with the file and was mended."""
        self.cut: set[str] = set()
        """Ids, of those that were read or written, whose rows could not be read whole."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._broken(error) from error
        with self._mended():
            self._open()

    def _open(self) -> None:
        """Open the file, again and again while another process that opens it has it locked.

        SQLite waits by itself for rows, not for a journal that two processes set up at once.
        """
        until = time.monotonic() + WAIT
        while True:
            try:
                return self._open_now()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                self._connection.close()
                time.sleep(PAUSE)

    def _open_now(self) -> None:
        self._connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)
        # A write-ahead log needs memory that processes share: no network file system has it.
        journal = "DELETE" if on_network(self.path.parent) else "WAL"
        self._connection.execute(f"PRAGMA journal_mode={journal}")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)
        self._connection.execute("INSERT OR IGNORE INTO identity VALUES (?)", [self._identity])

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return what is known of these ids; a damaged row is not."""
        found: dict[str, bytes] = {}
        damaged = 0
        with self._mended():
            for key, value, check, cut in self._select("results", ROW, ids):
                if checksum(key, value, cut) == check:
                    found[key] = value
                    if cut:
                        self.cut.add(key)
                else:
                    damaged += 1
        self.count_damaged(damaged)
        return found

    def count_damaged(self, rows: int) -> None:
        """Notice damaged rows, which are computed again."""
        if rows:
            self.noticed.append(
                f"rows damaged in the cache {self.path.name}: {rows}; they are computed again"
            )

    def put(
        self,
        results: Iterable[tuple[str, bytes]],
        notes: Iterable[str] = (),
        cut: Collection[str] = (),
    ) -> None:
        """Write results, and what was noticed while they were made: all of it or nothing.

        `cut` are the ids of rows that could not be read whole.
        """
        rows = [(k, value, checksum(k, value, k in cut), int(k in cut)) for k, value in results]
        told = [(key, note) for key, *_ in rows[:1] for note in notes]
        self.cut.update(cut)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", rows)
            self._connection.executemany("INSERT OR IGNORE INTO notes VALUES (?, ?)", told)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise self._broken(error) from error

    def notes(self, ids: Sequence[str]) -> list[str]:
        """Return what was noticed while results of these ids were made, each once."""
        with self._mended():
            return sorted({note for _, note in self._select("notes", "id, note", ids)})
        return []

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _select(self, table: str, columns: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), IDS_PER_QUERY):
            part = ids[start : start + IDS_PER_QUERY]
            marks = ",".join("?" * len(part))
            yield from self._connection.execute(
                f"SELECT {columns} FROM {table} WHERE id IN ({marks})", part
            )

    @contextmanager
    def _mended(self) -> Iterator[None]:
        """Set a damaged file aside and begin a new one; other errors are told."""
        try:
            yield
        except sqlite3.Error as error:
            if type(error) is not sqlite3.DatabaseError:  # its kin: locked, full, not permitted
                raise self._broken(error) from error
            self._set_aside(error)

    def _set_aside(self, error: sqlite3.Error) -> None:
        self.close()
        aside = self.path.with_suffix(DAMAGED)
        try:
            os.replace(self.path, aside)
            for ending in ("-wal", "-shm", "-journal"):
                Path(f"{self.path}{ending}").unlink(missing_ok=True)
            self._open()
        except (OSError, sqlite3.Error) as failure:
            raise self._broken(failure) from failure
        self.noticed.append(
            f"the cache {self.path.name} was damaged ({error}); its rows are computed again, the "
            f"damaged file is kept as {aside.name}"
        )

    def _broken(self, error: Exception) -> CacheError:
        """Say that the file cannot be used, and what to do."""
        with suppress(AttributeError):
            self.close()
        return CacheError(
            f"the cache {self.path} cannot be used: {error}; free space, delete that file, or "
            "choose another folder with `cache` (or MODS_CACHE)"
        )

"""What was paid for is kept: scores, vectors and texts by plug-in identity and record id.

One SQLite file per identity, one transaction per batch: a killed run loses at most the batch in
work, and runs in different folders share what they have in common.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mods.errors import CacheError, PluginError
from mods.files import json_digest

CHUNK = 500
"""Ids per query: below SQLite's limit on variables in its oldest supported builds."""


def default_cache() -> Path:
    """`$MODS_CACHE`, else `mods` in the user's cache folder."""
    if os.environ.get("MODS_CACHE"):
        return Path(os.environ["MODS_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mods"


def digest(identity: Mapping[str, Any]) -> str:
    """Hash an identity, 32 hexadecimal digits; `PluginError` if it is no plain JSON."""
    try:
        return json_digest(identity)
    except (TypeError, ValueError) as error:
        raise PluginError(f"identity() must give plain JSON: {error}") from error


def store_path(folder: Path, name: str, identity: Mapping[str, Any]) -> Path:
    """The file that holds the results of an identity."""
    return folder / f"{name}-{digest(identity)[:20]}.sqlite"


def query(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, bytes]:
    """Return what a store knows of these ids."""
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        marks = ",".join("?" * len(part))
        found.update(
            connection.execute(f"SELECT id, value FROM results WHERE id IN ({marks})", part)
        )
    return found


class Store:
    """A table from record id to bytes, for one identity."""

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        self.path = store_path(folder, name, identity)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self.broken(error) from error
        try:
            self._prepare(identity)
        except sqlite3.Error as error:
            self.close()
            raise self.broken(error) from error

    def _prepare(self, identity: Mapping[str, Any]) -> None:
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS results (id TEXT PRIMARY KEY, value BLOB NOT NULL) "
            "WITHOUT ROWID"
        )
        self._connection.execute("CREATE TABLE IF NOT EXISTS identity (json TEXT PRIMARY KEY)")
        self._connection.execute(
            "INSERT OR IGNORE INTO identity VALUES (?)",
            [json.dumps(identity, sort_keys=True, default=str)],
        )

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return what is known of these ids."""
        try:
            return query(self._connection, ids)
        except sqlite3.Error as error:
            raise self.broken(error) from error

    def put(self, results: Iterable[tuple[str, bytes]]) -> None:
        """Write results, all of them or none."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?)", results)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self.broken(error) from error
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def broken(self, error: Exception) -> CacheError:
        """Say that the file cannot be used, and what to do."""
        return CacheError(
            f"the cache {self.path} cannot be used: {error}; free space, delete that file, or "
            "choose another folder with `cache` (or MODS_CACHE)"
        )

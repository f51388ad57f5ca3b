"""What a cache holds, whether it is sound, and how it is emptied."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mods.errors import CacheError
from mods.files import writing
from mods.work.leases import ENDING as LEASE
from mods.work.store import DAMAGED, ENDING, ROW, WAIT, checksum
from mods.work.weights import FOLDER

DAY = 86_400.0
SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Entry:
    """One file of results, or one folder of weights."""

    path: Path
    kind: str
    """`quality`, `embedding`, `responses`, `losses`, `necessity`, `weights`, …"""
    plugin: str
    """The plug-in that made it, as far as the file tells."""
    rows: int
    """Results in it; 0 for weights and for what cannot be read."""
    bytes: int
    used: float
    """When it was last written, in seconds since 1970."""


def entries(cache: Path) -> Iterator[Entry]:
    """Yield what a cache holds, by name; raises `CacheError` if it cannot be looked into."""
    try:
        for path in sorted(cache.glob(f"*{ENDING}")):
            yield _results(path)
        for path in sorted((cache / FOLDER).glob("*/")):
            yield _weights(path)
    except OSError as error:
        raise CacheError(f"the cache {cache} cannot be read: {error.strerror or error}") from error


def _results(path: Path) -> Entry:
    kind, _, plugin = path.stem.rpartition("-")[0].partition("-")
    rows = 0
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM results").fetchone()
        connection.close()
    except sqlite3.Error:
        plugin = f"{plugin} (cannot be read)"
    stat = path.stat()
    return Entry(path, kind, plugin, rows, stat.st_size, stat.st_mtime)


def _weights(path: Path) -> Entry:
    files = [file for file in path.rglob("*") if file.is_file()]
    try:
        model = str(json.loads((path / "tuning.json").read_text())["model"]["model"])
    except (OSError, ValueError, KeyError, TypeError):
        model = ""
    size = sum(file.stat().st_size for file in files)
    used = max((file.stat().st_mtime for file in files), default=path.stat().st_mtime)
    return Entry(path, "weights", model, 0, size, used)


def damaged_rows(path: Path) -> tuple[int, str]:
    """Read a file of results from end to end.

    Returns how many rows do not fit their checksum, and what is wrong with the file itself, if
    anything. Nothing is changed.
    """
    damaged = 0
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT)
    try:
        (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        for key, value, check, cut in connection.execute(f"SELECT {ROW} FROM results"):
            damaged += checksum(key, value, cut) != check
        return damaged, "" if sound == "ok" else str(sound)
    except sqlite3.Error as error:
        return damaged, str(error)
    finally:
        connection.close()


def clear(cache: Path, *, older_than_days: float = 0.0) -> tuple[int, int]:
    """Remove entries last written so many days ago, or all; returns their number and bytes."""
    number = size = 0
    limit = time.time() - older_than_days * DAY
    for entry in list(entries(cache)):
        if entry.used <= limit:
            with writing(entry.path):
                _remove(entry.path)
            number, size = number + 1, size + entry.bytes
    if cache.is_dir():
        for path in cache.glob(f"*{DAMAGED}"):
            if path.stat().st_mtime <= limit:
                path.unlink()
    return number, size


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.with_suffix(".lock").unlink(missing_ok=True)
        return
    path.unlink()
    path.with_suffix(LEASE).unlink(missing_ok=True)
    for ending in SIDE_FILES:
        Path(f"{path}{ending}").unlink(missing_ok=True)

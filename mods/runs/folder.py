"""The run folder: what a run leaves behind, written atomically, never silently reused."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mods.errors import RunFolderError
from mods.printable import printable

if TYPE_CHECKING:
    from mods.ledger import Receipt
    from mods.records import BrokenRow, Record

MANIFEST = "manifest.json"
SELECTED = "selected.jsonl"
RECEIPTS = "receipts.parquet"
QUARANTINE = "quarantine.jsonl"
PICTURE = "report.png"
LOCK = ".lock"
"""Also the sign that a run owns the folder."""


class RunFolder:
    """One folder for one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep a second run out of it."""
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"-o {self.path}: a file is in the way; choose a folder")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            known = (self.path / LOCK).exists() or not any(self.path.iterdir())
            lock = (self.path / LOCK).open("w") if known else None
        if lock is None:  # files that no run wrote: `claim` decides
            yield
            return
        with lock:
            self._lock(lock)
            yield

    def _lock(self, lock: IO[str]) -> None:
        try:
            import fcntl
        except ImportError:
            return  # no such locks on Windows; two runs at once are the user's to avoid there
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise RunFolderError(f"{self.path}: another run is writing to this folder") from error

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest of the run in the folder, or none when the folder is new."""
        path = self.path / MANIFEST
        try:
            loaded = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from error
        if not isinstance(loaded, dict):
            raise RunFolderError(f"{path} is not the manifest of a run")
        return loaded

    def claim(self, makes: Mapping[str, Any], *, overwrite: bool) -> None:
        """Check that the folder holds no finished run but the same one.

        `makes` is all that makes the result (inputs, settings, plug-ins). An unfinished run has
        left no result, so it is no obstacle. Raises `RunFolderError` naming what differs when the
        folder holds another run, or files that no run wrote.
        """
        if overwrite:
            return
        manifest = self.manifest()
        if manifest is None:
            if not (self.path / LOCK).exists():
                raise RunFolderError(
                    f"-o {self.path}: the folder holds files but no run; choose another folder, "
                    "or give --overwrite to write into it"
                )
            return
        changes = differences(manifest.get("makes", {}), json.loads(to_json(makes)))
        if changes:
            raise RunFolderError(
                f"-o {self.path} holds another run. What differs: {'; '.join(changes[:5])}. "
                "Choose another folder, or give --overwrite (cached results are used all the same)"
            )

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write one JSON document."""
        self._write(name, lambda file: void(file.write(to_json(value, indent=2))))

    def write_lines(self, name: str, values: Iterator[Mapping[str, Any]]) -> None:
        """Write JSON lines."""

        def write(file: IO[bytes]) -> None:
            for value in values:
                file.write(to_json(value))

        self._write(name, write)

    def write_results(
        self, selected: Sequence[Record], receipts: Sequence[Receipt], broken: Sequence[BrokenRow]
    ) -> None:
        """Write the selection, the receipts and the quarantine."""
        self.write_lines(SELECTED, (record.raw for record in selected))
        table = receipt_table(receipts)

        def write_table(file: IO[bytes]) -> None:
            import pyarrow.parquet as pq

            pq.write_table(table, file, compression="zstd")

        self._write(RECEIPTS, write_table)
        self.write_lines(
            QUARANTINE,
            (
                {"source": b.source, "row": b.row, "reason": b.reason, "text": b.text}
                for b in broken
            ),
        )

    def write_picture(self, draw: Callable[[IO[bytes]], None]) -> None:
        """Write the picture that `draw` draws."""
        self._write(PICTURE, draw)

    def _write(self, name: str, write: Callable[[IO[bytes]], None]) -> None:
        """Write a file next to its place, then move it there."""
        target = self.path / name
        with writing(target):
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)
            try:
                with os.fdopen(handle, "wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failing file system into a clear error."""
    try:
        yield
    except OSError as error:
        remedy = "free space on that disk" if error.errno == errno.ENOSPC else "choose another -o"
        raise RunFolderError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error


def to_json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    """One JSON document and a newline; lone surrogates, which UTF-8 cannot hold, stay escaped."""
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent, ensure_ascii=True, default=str)
        return text.encode("ascii") + b"\n"


def receipt_table(receipts: Sequence[Receipt]) -> Any:
    """Return the receipts as a pyarrow table, one column per score."""
    import pyarrow as pa

    names = sorted({name for receipt in receipts for name in receipt.scores})
    columns = {
        "id": pa.array([r.id for r in receipts], pa.string()),
        "source": pa.array([printable(r.source) for r in receipts], pa.string()),
        "row": pa.array([r.row for r in receipts], pa.int64()),
        "fate": pa.array([r.fate for r in receipts], pa.string()),
        "stage": pa.array([r.stage for r in receipts], pa.string()),
        "reason": pa.array([printable(r.reason) for r in receipts], pa.string()),
        "order": pa.array([r.order for r in receipts], pa.int64()),
        "radius": pa.array([r.radius for r in receipts], pa.float32()),
    }
    for name in names:
        columns[name] = pa.array([r.scores.get(name) for r in receipts], pa.float64())
    return pa.table(columns)


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Name what differs between two JSON values, as `settings.alpha: 0.5 before, 0.6 now`."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(old.keys() | new.keys()):
            place = f"{path}.{key}" if path else key
            found += differences(old.get(key), new.get(key), place)
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            d
            for i, (a, b) in enumerate(zip(old, new, strict=True))
            for d in differences(a, b, f"{path}[{i}]")
        ]
    return [] if old == new else [f"{path}: {shorten(old)} before, {shorten(new)} now"]


def shorten(value: Any, limit: int = 80) -> str:
    """Write a value on one short line."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def void(_: object) -> None:
    """Drop a value."""

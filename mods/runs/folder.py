"""The run folder: kept by one run at a time, never silently reused, its manifest written last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mods.errors import OutputError, RunFolderError, SettingsError
from mods.files import locked, make_folder, remove_drafts, to_json
from mods.wording import shorten

MANIFEST = "manifest.json"
SELECTED = "selected.jsonl"
RECEIPTS = "receipts.parquet"
POOL = "pool.parquet"
QUARANTINE = "quarantine.jsonl"
COSTS = "costs.json"
CONVERSATIONS = "conversations.parquet"
VECTORS = "vectors.npy"
PICTURE = "report.png"
PAGE = "report.html"
PAGE_TEXTS = "report-texts.js"
WRITTEN = (
    MANIFEST, SELECTED, RECEIPTS, POOL, QUARANTINE, COSTS, CONVERSATIONS, VECTORS, PICTURE, PAGE,
    PAGE_TEXTS,
)  # fmt: skip
LOCK = ".lock"
"""Also the sign that a run owns the folder."""
NAMED_DIFFERENCES = 5
"""So many differences between two runs are named; more say no more."""


class RunFolder:
    """One folder for one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep_inputs(self, sources: Iterable[str]) -> None:
        """Refuse to replace a file that the run reads; raises `SettingsError`."""
        written = {os.path.realpath(self.path / name): name for name in WRITTEN}
        for source in sources:
            name = written.get(os.path.realpath(source))
            if name is not None:
                raise SettingsError(
                    f"`output` {self.path}: the run would replace {source}, which it reads; choose "
                    "another folder"
                )

    @contextmanager
    def claimed(self, makes: Mapping[str, Any], *, overwrite: bool) -> Iterator[bool]:
        """Make the folder, keep a second run out, and check that it holds no other run.

        `makes` is all that makes the result (inputs, settings, plug-ins). An unfinished run has
        left no result, so it is no obstacle. Yields whether the file system has locks. Raises
        `RunFolderError` naming what differs when the folder holds another run, or files that no
        run wrote, unless `overwrite`.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"`output` {self.path}: a file is in the way; choose a folder")
        make_folder(self.path)
        if not overwrite and self._foreign():
            raise RunFolderError(
                f"`output` {self.path}: the folder holds files but no run; choose another folder, "
                "or give `overwrite` to write into it"
            )
        with self._locked() as has_locks:
            if not overwrite:
                self._check(makes)
            remove_drafts(self.path)
            yield has_locks

    def _foreign(self) -> bool:
        """Whether the folder holds files, but none that a run wrote."""
        own = (self.path / LOCK).exists() or (self.path / MANIFEST).exists()
        return not own and any(self.path.iterdir())

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        try:
            with locked(self.path / LOCK) as has_locks:
                yield has_locks
        except BlockingIOError as error:
            raise RunFolderError(f"{self.path}: another run is writing to this folder") from error
        except OSError as error:
            if error.filename != str(self.path / LOCK):
                raise
            raise OutputError(
                f"{self.path / LOCK} cannot be locked: {error.strerror}; remove it, or choose "
                "another `output`"
            ) from error

    def _check(self, makes: Mapping[str, Any]) -> None:
        """Refuse a folder that holds another finished run."""
        manifest = self.manifest()
        if manifest is None:
            return
        changes = differences(manifest.get("makes", {}), json.loads(to_json(makes)))
        if changes:
            raise RunFolderError(
                f"`output` {self.path} holds another run. What differs: "
                f"{'; '.join(changes[:NAMED_DIFFERENCES])}. Choose another folder, or give "
                "`overwrite` (cached results are used all the same)"
            )

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

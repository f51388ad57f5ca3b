"""The folder of a verdict: what it holds, kept by one verdict at a time, `verdict.json` last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mods.errors import OutputError, RunFolderError
from mods.files import locked, make_folder, remove_drafts, to_json, write_file, write_json
from mods.judging.page import page
from mods.judging.picture import draw_picture
from mods.runs.folder import LOCK, NAMED_DIFFERENCES, differences

VERDICT, PAGE, PICTURE = "verdict.json", "verdict.md", "verdict.png"


class VerdictFolder:
    """One folder for the verdicts on one run and model."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def claimed(self, of: Mapping[str, Any], *, overwrite: bool) -> Iterator[None]:
        """Make the folder, keep a second verdict out, and check what it holds.

        A verdict of the same run and model is replaced, since arms may have been added. Raises
        `RunFolderError` for one of another, or for files that no verdict wrote, unless `overwrite`.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"`output` {self.path}: a file is in the way; choose a folder")
        make_folder(self.path)
        if not overwrite:
            self._check(of)
        try:
            with locked(self.path / LOCK):
                remove_drafts(self.path)
                yield
        except BlockingIOError as error:
            raise RunFolderError(
                f"{self.path}: another verdict is writing to this folder"
            ) from error

    def _check(self, of: Mapping[str, Any]) -> None:
        own = (self.path / LOCK).exists() or (self.path / VERDICT).exists()
        if not own and any(self.path.iterdir()):
            raise RunFolderError(
                f"`output` {self.path}: the folder holds files but no verdict; choose another "
                "folder, or give `overwrite` to write into it"
            )
        if not (self.path / VERDICT).exists():
            return
        before = load(self.path).get("makes", {}).get("of", {})
        changes = differences(before, json.loads(to_json(of)))
        if changes:
            raise RunFolderError(
                f"`output` {self.path} holds the verdict on another run or model. What differs: "
                f"{'; '.join(changes[:NAMED_DIFFERENCES])}. Choose another folder, or give "
                "`overwrite` (cached results are used all the same)"
            )


def load(folder: Path) -> dict[str, Any]:
    """Read the verdict in a folder; `RunFolderError` if there is none."""
    path = folder / VERDICT
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(loaded, dict):
        raise RunFolderError(f"{path} holds no verdict")
    return loaded


def save(verdict: Mapping[str, Any], folder: Path) -> list[str]:
    """Write a verdict into its folder; returns what is to be said about it."""
    (folder / VERDICT).unlink(missing_ok=True)
    write_file(folder / PAGE, lambda file: file.write(page(verdict).encode("utf-8", "replace")))
    problems = []
    try:
        write_file(folder / PICTURE, lambda file: draw_picture(verdict, file))
    except (ValueError, OverflowError) as error:  # extreme numbers; the verdict stands
        problems.append(f"the picture could not be drawn: {error}")
    write_json(folder / VERDICT, verdict)
    return problems

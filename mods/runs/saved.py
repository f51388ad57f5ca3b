"""A saved run: the manifest and the tables of a run folder, from memory or from the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import RunFolderError
from mods.files import to_json
from mods.runs.folder import MANIFEST, POOL, RECEIPTS, RunFolder
from mods.runs.tables import pool_table, receipt_table

if TYPE_CHECKING:
    from mods.selection.result import Selection

IN_MANIFEST = {"makes", "thresholds", "rows"}
IN_RECEIPTS = {"id", "source", "row", "fate", "stage", "reason", "order", "radius"}
IN_POOL = {"id", "x", "y", "nearest_source", "nearest_row", "distance"}


@dataclass(frozen=True)
class SavedRun:
    """All that is told and drawn of a run: it refers to nothing outside its folder."""

    manifest: Mapping[str, Any]
    receipts: Any
    """A pyarrow table, one row per input row."""
    pool: Any
    """A pyarrow table, one row per row that passed alpha; see `runs.tables.pool_table`."""

    @classmethod
    def of(cls, selection: Selection) -> SavedRun:
        """Return what will be saved of a selection."""
        return cls(
            json.loads(to_json(selection.manifest)),
            receipt_table(selection.receipts),
            pool_table(selection.pool, selection.records),
        )

    @classmethod
    def load(cls, folder: Path) -> SavedRun:
        """Read a run folder; `RunFolderError` if it holds no finished run."""
        manifest = RunFolder(folder).manifest()
        if manifest is None:
            raise RunFolderError(f"{folder} holds no run: no {MANIFEST}")
        if not manifest.keys() >= IN_MANIFEST:
            raise RunFolderError(f"{folder / MANIFEST} is not that of a finished run; run it again")
        return cls(
            manifest,
            read_table(folder / RECEIPTS, IN_RECEIPTS),
            read_table(folder / POOL, IN_POOL),
        )


def read_table(path: Path, columns: set[str]) -> Any:
    """Read a table of a run; `RunFolderError` if it is not there, broken, or another one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not columns <= set(table.column_names):
        raise RunFolderError(f"{path} is not the table of a run: it lacks columns")
    return table

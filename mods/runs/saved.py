"""A saved run: the manifest and the tables of a run folder, from memory or from the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import RunFolderError
from mods.files import read_array, to_json
from mods.runs.folder import MANIFEST, POOL, RECEIPTS, VECTORS, RunFolder
from mods.runs.tables import pool_table, receipt_table
from mods.wording import one_line, printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.selection.result import Selection

IN_RECEIPTS = {
    "id": "string", "source": "string", "row": "int64", "fate": "string", "stage": "string",
    "reason": "string", "order": "int64", "radius": "float",
}  # fmt: skip
IN_POOL = {
    "id": "string", "source": "string", "row": "int64", "tokens": "int64", "x": "float",
    "y": "float", "nearest_source": "string", "nearest_row": "int64", "distance": "double",
}  # fmt: skip
SCORES = ("quality_", "necessity_")
"""How columns of scores begin; they hold doubles."""


@dataclass(frozen=True)
class _Cut:
    asked: str
    score: float


@dataclass(frozen=True)
class _Rows:
    selected: int
    totals: dict[str, int]


@dataclass(frozen=True)
class _Inputs:
    sources: dict[str, str | None]


@dataclass(frozen=True)
class _Makes:
    inputs: _Inputs
    settings: dict[str, Any]


@dataclass(frozen=True)
class _Shape:
    """What a manifest must hold for a run to be told: a folder may come from anywhere."""

    makes: _Makes
    thresholds: dict[str, _Cut]
    rows: _Rows


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
        check_shape(manifest, folder / MANIFEST)
        return cls(
            manifest,
            read_table(folder / RECEIPTS, IN_RECEIPTS),
            read_table(folder / POOL, IN_POOL),
        )

    def places(self) -> npt.NDArray[np.int64]:
        """Return the place among the receipts of every row of the pool.

        Raises `RunFolderError` where the two tables are not of one run.
        """
        import numpy as np

        of = {where: at for at, where in enumerate(self.wheres(self.receipts))}
        at = [of.get(where, -1) for where in self.wheres(self.pool)]
        if -1 in at:
            raise RunFolderError(f"{POOL} holds a row without a receipt: not the tables of one run")
        return np.array(at, dtype=np.int64)

    @staticmethod
    def wheres(table: Any) -> list[tuple[str, int]]:
        """Return source and row of every row of a table."""
        return list(zip(table["source"].to_pylist(), table["row"].to_pylist(), strict=True))


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Turn what a folder with wrong values in it leads to into a `RunFolderError`."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError,
            ValueError) as error:  # fmt: skip
        message = f"{folder} holds no run that can be told: {one_line(error)}"
        raise RunFolderError(message) from error


def check_shape(manifest: Mapping[str, Any], path: Path) -> None:
    """Refuse a manifest that is not that of a finished run."""
    import pydantic

    try:
        pydantic.TypeAdapter(_Shape).validate_python(manifest)
    except pydantic.ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunFolderError(
            f"{path} is not that of a finished run ({place}): run it again"
        ) from error


def read_table(path: Path, columns: Mapping[str, str]) -> Any:
    """Read a table of a run; `RunFolderError` if it is not there, broken, or another one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error
    found = {field.name: str(field.type) for field in table.schema}
    wanted = {**dict.fromkeys((n for n in found if n.startswith(SCORES)), "double"), **columns}
    for name, kind in wanted.items():
        if found.get(name) != kind:
            raise RunFolderError(
                f"{path} is not the table of a run: its column {printable(name)} is "
                f"{found.get(name, 'missing')}, expected {kind}"
            )
    return table


def vectors_of(saved: SavedRun, folder: Path) -> npt.NDArray[np.float32]:
    """Read the vectors of the pool, (n, d) float32; `RunFolderError` for those of another one."""
    import numpy as np

    vectors = np.asarray(read_array(folder / VECTORS))
    if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != saved.pool.num_rows:
        raise RunFolderError(f"{folder / VECTORS} does not belong to the pool of this run")
    return vectors

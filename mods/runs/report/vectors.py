"""What the page picks again with: the vectors of small pools, and where picking begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.kcenter.contract import check_first
from mods.runs.folder import VECTORS
from mods.runs.report.packing import Column, packed
from mods.runs.saved import vectors_of

if TYPE_CHECKING:
    from mods.runs.saved import SavedRun

MOST_BYTES, MOST_ROWS = 4 << 20, 20_000
"""Vectors that the page holds, so that it picks again while a setting is moved."""


def small_vectors(saved: SavedRun, folder: Path) -> str:
    """Return the packed vectors of a small pool whose selector the page knows, else nothing.

    It knows k-center by Euclidean distance (`page/kcenter.js`). Raises `RunFolderError` for vectors
    of another pool.
    """
    known = {"method": "kcenter", "metric": "euclidean"}
    method = {name: value for name, value in selector(saved).items() if name != "seed"}
    if method != known or not (folder / VECTORS).exists():
        return ""
    vectors = vectors_of(saved, folder)
    if vectors.nbytes > MOST_BYTES or len(vectors) > MOST_ROWS:
        return ""
    return packed([Column("vectors", "f4", vectors.ravel())])


def first_picks(saved: SavedRun) -> list[int]:
    """Return the first pick among 1, 2, … rows up to the whole pool: it is drawn from the seed."""
    seed, none = selector(saved)["seed"], np.empty(0, np.int64)
    return [check_first(None, none, seed, n) for n in range(1, saved.pool.num_rows + 1)]


def selector(saved: SavedRun) -> dict[str, Any]:
    """What decides the picks of the run's selector, as the manifest has it."""
    plugins = saved.manifest["makes"].get("plugins", {})
    identity: dict[str, Any] = plugins.get("selector", {}).get("identity", {})
    return identity

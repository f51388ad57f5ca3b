"""Picks again among the rows of a run folder, with the selector of the run and the kept vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import ModsError
from mods.interfaces import EMBEDDINGS, QUALITY, TOKENS, USUAL_NEEDS
from mods.plugins.part import Part
from mods.pool import Budget, Pool
from mods.runs.conversations import read_conversations
from mods.runs.folder import CONVERSATIONS, VECTORS
from mods.runs.saved import vectors_of
from mods.runs.whatif import floats, in_order_of_pick, scores
from mods.selection.coverage import pick
from mods.settings.choice import Choice

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.registry import Registry
    from mods.records import Record
    from mods.runs.saved import SavedRun
    from mods.runs.whatif import Picker, Rows


def picker_of(saved: SavedRun, folder: Path, registry: Registry) -> tuple[Picker | None, str]:
    """Return what picks again as the run did; else none, and why.

    It has picked the run's own seeds again before it is trusted.
    """
    settings = saved.manifest["makes"]["settings"]
    try:
        choice = Choice.read(settings["selector"], "selector")
        part = Part.choose(registry, "selector", choice, {"seed": settings["seed"]})
        needs = part.needs(USUAL_NEEDS)
        if not set(needs) <= {EMBEDDINGS, QUALITY, TOKENS}:
            return None, f"{part} needs further scores to pick again"
        if EMBEDDINGS in needs and not (folder / VECTORS).exists():
            return None, f"the folder holds no {VECTORS}"
        pool = pool_of(saved, folder, needs)
        places = saved.places()
        seeds = Budget(int(settings["seeds"]))
        again = places[pick(pool, seeds, np.empty(0, np.int64), part).indices]
    except (ModsError, ValueError, TypeError, KeyError) as error:
        return None, f"the selector cannot pick again: {error}"
    if not np.array_equal(again, in_order_of_pick(saved.receipts, "seed")):
        return None, f"{part} does not pick the seeds of the run again: it is another version"
    at = np.full(len(saved.receipts), -1)
    at[places] = np.arange(len(places))

    def again_among(rows: Rows, k: int, centres: Rows) -> Rows:
        initial = np.searchsorted(rows, centres)
        picks = pick(pool.rows(at[rows].tolist()), Budget(k), initial, part)
        return np.asarray(rows[picks.indices], dtype=np.int64)

    return again_among, ""


def pool_of(saved: SavedRun, folder: Path, needs: tuple[str, ...]) -> Pool:
    """Return the pool of the run as its selector saw it, without the rows as they were written.

    Raises `RunFolderError` or `ValueError` where the files do not belong together.
    """
    vectors: npt.NDArray[np.float32] | None = None
    if EMBEDDINGS in needs:
        vectors = vectors_of(saved, folder)
    tokens: Any = floats(saved.pool["tokens"]).astype(np.int64) if TOKENS in needs else None
    quality = {QUALITY: scores(saved, "quality")[saved.places()]}
    return Pool(records_of(saved, folder), vectors, quality, tokens)


def records_of(saved: SavedRun, folder: Path) -> list[Record]:
    """Make the records of the pool again; raises `ValueError` where the folder lacks some."""
    ids = saved.pool["id"].to_pylist()
    kept = {one.id: one for one in read_conversations(folder / CONVERSATIONS)}
    if not kept.keys() >= set(ids):
        raise ValueError(f"{CONVERSATIONS} lacks rows of the pool")
    wheres = saved.wheres(saved.pool)
    return [kept[id].record(*where) for id, where in zip(ids, wheres, strict=True)]

"""Picking again: trusted only where the selector picks the run's own seeds again."""

import numpy as np
from conftest import HERE

from mods import Picks
from mods.runs.repick import picker_of
from mods.runs.saved import SavedRun


class Last:
    """Picks the last rows."""

    needs = ("embeddings",)

    def select(self, pool, budget, *, initial):
        order = [i for i in reversed(range(len(pool.records))) if i not in initial]
        return Picks(np.array(order[: budget.rows], dtype=np.int64))


def test_a_selector_that_does_not_pick_the_seeds_again_is_not_trusted(select, registry, tmp_path):
    folder = tmp_path / "run"
    select(output=folder)
    saved = SavedRun.load(folder)
    pick, why = picker_of(saved, folder, registry)
    assert pick is not None
    assert why == ""
    spread = registry.get("selector", "toy-spread")
    registry.register("selector", HERE, "other", Last)
    saved.manifest["makes"]["settings"]["selector"] = {"name": "other"}
    pick, why = picker_of(saved, folder, registry)
    assert pick is None
    assert why.endswith("does not pick the seeds of the run again: it is another version")
    assert spread is not None


def test_without_vectors_or_selector_it_is_said_why(select, registry, tmp_path):
    folder = tmp_path / "run"
    select(output=folder)
    saved = SavedRun.load(folder)
    (folder / "vectors.npy").unlink()
    assert picker_of(saved, folder, registry) == (None, "the folder holds no vectors.npy")
    saved.manifest["makes"]["settings"]["selector"] = {"name": "gone"}
    assert "gone" in picker_of(saved, folder, registry)[1]

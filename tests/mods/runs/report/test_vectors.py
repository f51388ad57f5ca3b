"""What the page picks again with: only for small pools, and a selector that it knows."""

import numpy as np
import pytest
from conftest import TOY

from mods import kcenter_greedy
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.runs.report import vectors
from mods.runs.report.vectors import first_picks, small_vectors
from mods.runs.saved import SavedRun


@pytest.fixture
def registry():
    """The toy plug-ins with all default ones."""
    return load_plugins(Sources(files=(TOY,)))


def test_only_small_pools_and_a_known_selector_have_vectors(select, tmp_path, monkeypatch):
    for selector in ("kcenter", "toy-spread", "kcenter:metric=cosine"):
        select(output=tmp_path / "run", selector=selector, overwrite=True, seeds=8, budget=8)
        saved = SavedRun.load(tmp_path / "run")
        assert bool(small_vectors(saved, tmp_path / "run")) == (selector == "kcenter")
    select(output=tmp_path / "run", selector="kcenter", overwrite=True)
    monkeypatch.setattr(vectors, "MOST_ROWS", 29)
    assert small_vectors(SavedRun.load(tmp_path / "run"), tmp_path / "run") == ""


def test_first_picks_are_those_of_the_core(select, tmp_path):
    select(output=tmp_path / "run", selector="kcenter", seed=5)
    saved = SavedRun.load(tmp_path / "run")
    found = first_picks(saved)
    rows = np.load(tmp_path / "run" / "vectors.npy")
    assert len(found) == len(rows) == 30
    for n in (1, 7, 30):
        picks = kcenter_greedy(np.arange(n, dtype=np.float32)[:, None], 1, seed=5)
        assert found[n - 1] == picks.indices[0]

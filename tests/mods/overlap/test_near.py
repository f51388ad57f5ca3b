"""Rows whose embedding is close to that of a prompt."""

import numpy as np
import pytest

from mods.overlap import near
from mods.overlap.near import near_overlaps


def test_pairs_from_the_cosine_on_are_near_whatever_the_lengths(prompts, row, monkeypatch):
    monkeypatch.setattr(near, "BLOCK", 4)  # two rows at a time
    rows = [row(f"name a tree {n}", "Oak", number=n) for n in range(1, 5)]
    vectors = np.array([[3, 4], [0, 0], [30, 39], [4, 3]], dtype=np.float32)
    theirs = np.array([[6, 8], [1, 0]], dtype=np.float32)
    found = near_overlaps(rows, vectors, prompts("name the tree", "other"), theirs, 0.97)
    assert [(f.row, f.prompt, f.kind, f.overlap) for f in found] == [
        (1, 1, "near", "name tree"),
        (3, 1, "near", "name tree"),
    ]
    assert found[0].share == pytest.approx(1)
    assert str(found[0]) == "repeats test, row 1 (near, cosine 1.000): name tree"

"""The benchmark that users run measures what it says and checks the picks."""

from __future__ import annotations

import numpy as np
import pytest

from mods.kcenter import kcenter_greedy
from mods.kcenter.bench import (
    bench_kcenter,
    format_kcenter,
    machine_line,
    numpy_loop,
    synthetic_embeddings,
)


def test_synthetic_embeddings_are_unit_rows_with_copies() -> None:
    x = synthetic_embeddings(3000, 32)
    assert x.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-5)
    assert len(np.unique(x, axis=0)) < 2900
    np.testing.assert_array_equal(x, synthetic_embeddings(3000, 32))


def test_the_numpy_loop_makes_the_same_first_picks() -> None:
    x = np.random.default_rng(0).standard_normal((2000, 16), np.float32)
    np.testing.assert_array_equal(numpy_loop(x, 10), kcenter_greedy(x, 10, first=0).indices)


def test_a_measurement_holds_together() -> None:
    found = bench_kcenter(rows=3000, dim=32, k=100, threads=1, repeats=1)
    assert found.checked
    assert (found.rows, found.dim, found.k, found.threads) == (3000, 32, 100, 1)
    assert found.machine == machine_line()
    assert min(found.seconds, found.brute_seconds, found.numpy_seconds, found.stream_seconds) > 0
    assert "picks equal brute force" in format_kcenter(found)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="repeats = 0"):
        bench_kcenter(rows=100, dim=4, k=5, repeats=0)
    with pytest.raises(ValueError, match=r"k = 101 is outside 1\.\.100"):
        bench_kcenter(rows=100, dim=4, k=101)

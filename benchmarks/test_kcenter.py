"""Selection speed: pytest benchmarks --benchmark-enable (make bench).

Every group holds one data set and k: our picks, and each baseline at a few picks (its cost per pick
does not change). `extra_info` carries seconds per pick, for ratios. Each case asserts its picks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.peers import fused_brute, installed_peers
from benchmarks.vectors import embeddings, gaussian
from mods.kcenter import kcenter_greedy

BASELINE_PICKS = 10
CASES = {
    "real_mean k=1000": ("real_mean", 1000),
    "real_mean k=8000": ("real_mean", 8000),
    "real_cls k=1000": ("real_cls", 1000),
    "real_cls k=8000": ("real_cls", 8000),
    "real_cat k=1000": ("real_cat", 1000),
    "gauss 50k x 384 k=1000": ("gauss384", 1000),
    "gauss 50k x 1024 k=1000": ("gauss1024", 1000),
}


@cache
def rows(name: str) -> np.ndarray:
    return gaussian(50_000, int(name[5:])) if name.startswith("gauss") else embeddings(name)[1]


@cache
def first_picks(name: str) -> np.ndarray:
    return fused_brute(rows(name), 200)


@pytest.mark.parametrize("case", CASES)
def test_kcenter_greedy(benchmark, case: str) -> None:
    name, k = CASES[case]
    benchmark.group = case
    x = rows(name)
    picks = benchmark.pedantic(lambda: kcenter_greedy(x, k, first=0).indices, rounds=5)
    np.testing.assert_array_equal(picks[:200], first_picks(name))
    if benchmark.stats is not None:
        benchmark.extra_info["seconds_per_pick"] = benchmark.stats.stats.median / k


@pytest.mark.parametrize("peer", ["fused brute float64", "numpy", "MoDS loop", "torch-fps"])
@pytest.mark.parametrize("case", CASES)
def test_baseline(benchmark, case: str, peer: str) -> None:
    if peer not in installed_peers():
        pytest.skip(f"{peer} is not installed")
    name, _ = CASES[case]
    benchmark.group = case
    x = rows(name)
    work = installed_peers()[peer]
    picks = benchmark.pedantic(lambda: work(x, BASELINE_PICKS), rounds=3)
    assert len(picks) == BASELINE_PICKS
    if peer == "fused brute float64":
        np.testing.assert_array_equal(picks, first_picks(name)[:BASELINE_PICKS])
    if benchmark.stats is not None:
        benchmark.extra_info["seconds_per_pick"] = benchmark.stats.stats.median / BASELINE_PICKS

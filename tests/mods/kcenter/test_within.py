"""Picks within a budget: those of a brute force that goes one row at a time."""

import numpy as np
import pytest

from mods.kcenter import kcenter_greedy, kcenter_within, within
from mods.kcenter.oracle import canonical_distances


def brute_force(x, costs, budget, *, initial=(), first=None):
    """The definition, one row at a time: look at the farthest, pick it or pass over."""
    nearest = np.full(len(x), np.inf)
    state = np.zeros(len(x))  # 0 may be picked, 1 a centre, 2 passed over
    left, picks, radii, passed = budget, [], [], {}

    def pass_over():
        for row in np.flatnonzero((state == 0) & (costs > left)):
            passed[int(row)], state[row] = left, 2

    def centre(row):
        np.minimum(nearest, canonical_distances(x, x[row]), out=nearest)
        state[row] = 1

    for row in initial:
        centre(row)
    pass_over()
    if not len(initial) and (state == 0).any():
        free = np.flatnonzero(state == 0)
        first = int(free[np.random.default_rng(first).integers(len(free))])
    while (state == 0).any():
        candidates = np.where(state == 0, nearest, -1)
        row = first if not picks and not len(initial) else int(candidates.argmax())
        if nearest[row] <= 0:
            break
        if costs[row] > left:
            pass_over()
            continue
        centre(row)
        picks.append(row)
        left -= int(costs[row])
        radii.append(np.float32(np.sqrt(np.max(nearest[state == 0], initial=0))))
    return picks, radii, passed


def rows(n, d, seed, copies=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    x[:copies] = x[copies : 2 * copies]
    # Most short, some long, as token counts are; some rows nobody can afford.
    costs = np.minimum(rng.lognormal(3, 1.2, size=n).astype(np.int64), 700)
    return x, costs


@pytest.mark.parametrize("blocks", [(1, 0.01), (32, 1.25), (1000, 9.0)])
@pytest.mark.parametrize("initial", [(), (3,), (50, 7, 120)])
@pytest.mark.parametrize("budget", [0, 1, 40, 900, 5_000, 10**9])
def test_the_picks_are_those_of_one_at_a_time_whatever_the_blocks(
    budget, initial, blocks, monkeypatch
):
    monkeypatch.setattr(within, "FEWEST", blocks[0])
    monkeypatch.setattr(within, "SPARE", blocks[1])
    x, costs = rows(200, 5, seed=budget + len(initial), copies=20)
    found = kcenter_within(x, costs, budget, initial=initial, seed=4, threads=1)
    picks, radii, passed = brute_force(x, costs, budget, initial=initial, first=4)
    assert found.indices.tolist() == picks
    assert found.radii.tolist() == radii
    assert found.passed == passed
    assert costs[found.indices].sum() <= budget


def test_a_budget_for_all_picks_what_kcenter_picks():
    x, costs = rows(150, 4, seed=1)
    whole = kcenter_greedy(x, 60, seed=2, metric="cosine", threads=1)
    found = kcenter_within(x, costs, 10**9, most=60, seed=2, metric="cosine", threads=1)
    assert found.indices.tolist() == whole.indices.tolist()
    assert found.radii.tolist() == whole.radii.tolist()


@pytest.mark.parametrize("costs", [[1, 2], [1.0] * 5, [-1, 1, 1, 1, 1]])
def test_costs_that_are_none_are_refused(costs):
    with pytest.raises(ValueError, match="costs must be 5 whole numbers from 0"):
        kcenter_within(np.eye(5, dtype=np.float32), np.array(costs), 3)

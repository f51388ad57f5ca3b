"""The rules of selectors."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from mods.interfaces import TOKENS, USUAL_NEEDS
from mods.plugins.rules import checked_picks
from mods.pool import Budget
from mods.testing.rules import check_identity, name_of, needs_of, require, require_methods
from mods.testing.samples import sample_pool

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Selector
    from mods.pool import Picks, Pool

FIXED = ((), (0,), (5, 2, 11))
"""Centres that are there already, in the order of their picks."""
BUDGETS = (1, 3, 10)
FEW_TOKENS = 100
"""Tokens of a budget: more than most sample rows have, fewer than the longest."""


def check_selector(selector: Selector) -> None:
    """Check a selector on a small pool that holds what it needs, with and without centres.

    Budgets are in rows, and in tokens, which it must not exceed either.
    """
    name = name_of(selector)
    check_identity(selector)
    require_methods(selector, "a selector", "select")
    needs = needs_of(selector, USUAL_NEEDS)
    for initial in FIXED:
        fixed = np.array(initial, dtype=np.int64)
        for k in BUDGETS:
            _check_picks(selector, sample_pool(needs), Budget(rows=k), fixed, name)
    counted = sample_pool((*needs, TOKENS))
    budget = Budget(len(counted.records), FEW_TOKENS)
    _check_picks(selector, counted, budget, np.array(FIXED[-1], dtype=np.int64), name)


def _check_picks(
    selector: Selector, pool: Pool, budget: Budget, initial: npt.NDArray[np.int64], name: str
) -> None:
    kept, centres = copy.deepcopy(pool), initial.copy()
    picks = selector.select(pool, budget, initial=initial)
    rows = checked_picks(picks, pool, budget, initial, name).indices
    require(len(rows) > 0, name, "rows that differ are left, yet none was picked")
    _check_radii(picks, name)
    untouched = _same_pool(pool, kept) and np.array_equal(centres, initial)
    require(untouched, name, "the pool must be left as it was")
    again = selector.select(pool, budget, initial=initial)
    require(np.array_equal(rows, again.indices), name, "two calls must pick the same rows")


def _same_pool(one: Pool, other: Pool) -> bool:
    return (
        list(one.records) == list(other.records)
        and _same(one.embeddings, other.embeddings)
        and _same(one.tokens, other.tokens)
        and one.scores.keys() == other.scores.keys()
        and all(_same(column, other.scores[name]) for name, column in one.scores.items())
    )


def _same(one: npt.NDArray[np.generic] | None, other: npt.NDArray[np.generic] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def _check_radii(picks: Picks, name: str) -> None:
    if picks.radii is None:
        return
    require(bool(np.isfinite(picks.radii).all()), name, "radii must be finite")
    require(bool((np.diff(picks.radii) <= 0).all()), name, "a covering radius never grows")

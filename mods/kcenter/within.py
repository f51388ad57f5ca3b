"""K-center greedy where rows have costs: `kcenter_within` picks until a budget is met."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mods.kcenter import greedy
from mods.kcenter.contract import EarlyStopWarning, Metric, check_initial

__all__ = ["PicksWithin", "kcenter_within"]

SPARE = 1.25
"""So many times the rows that the budget will probably take are asked for at once."""
FEWEST = 32
"""Rows asked for at once at least: a pick more costs less than a start with all centres anew."""


class PicksWithin(NamedTuple):
    """Rows picked within a budget.

    Attributes:
        indices: (k,) int64, row numbers in pick order.
        radii: (k,) float32; `radii[i]` is the covering radius of the rows that were not passed
            over before pick i + 1 was looked for, in the distance of `KCenterResult.radii`.
        passed: by row that was passed over: what was left of the budget then, less than its cost.
    """

    indices: NDArray[np.int64]
    radii: NDArray[np.float32]
    passed: dict[int, int]


def kcenter_within(
    x: NDArray[Any],
    costs: NDArray[np.int64],
    budget: int,
    *,
    most: int | None = None,
    initial: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    seed: int = 0,
    metric: Metric = "euclidean",
    device: str = "auto",
    threads: int = 0,
) -> PicksWithin:
    """Pick rows as `kcenter_greedy` does, until their costs meet a budget and never above it.

    Exact greedy in pick order: again and again the farthest row from all centres is looked at. If
    its cost fits into what is left of the budget, it is picked. If not, it is passed over, and with
    it every row that costs more than is left, for what is left only shrinks: such rows are no
    candidates and no centres from then on, and do not count for the radius. Before the first pick,
    rows that cost more than the whole budget are passed over. Without `initial`, the first pick is
    drawn from the rows that are not: with costs that all fit, the one of `kcenter_greedy`.

    The picks come from the core in blocks: of each, the picks before the first that does not fit
    are kept, and the core starts again with them as centres and without the rows passed over. That
    gives the same picks as one by one, because the distance to the nearest centre does not depend
    on the order of the centres. Blocks are sized by the mean cost of what was picked so far; near
    the end there are a few small ones.

    Args:
        x: (n, d) float32, float16 or bfloat16 rows in host memory.
        costs: (n,) whole numbers, 0 or more; those of `initial` do not count.
        budget: what the costs of the picks may come to, 0 or more.
        most: rows to pick at most; None is no limit.
        initial: as in `kcenter_greedy`, as are the others.
        seed: draws the first pick.
        metric: "euclidean" or "cosine".
        device: "auto", "cpu", "cuda" or "cuda:N".
        threads: CPU threads; 0 takes all.

    Returns:
        The picks, the covering radius after each, and the rows that were passed over. Fewer rows
        than fit come back when all others coincide with centres.

    Raises:
        ValueError: costs of another shape or below 0, and what `kcenter_greedy` raises.
    """
    n = len(x)
    costs = np.asarray(costs)
    if costs.shape != (n,) or costs.dtype.kind not in "iu" or (n and costs.min() < 0):
        raise ValueError(f"costs must be {n} whole numbers from 0, got {costs.dtype} {costs.shape}")
    fixed = check_initial(initial, n)
    free = np.ones(n, dtype=bool)
    free[fixed] = False
    walk = _Walk(costs.astype(np.int64), int(budget), free)
    walk.pass_over()
    room = n if most is None else most
    while free.any() and len(walk.picks) < room:
        centres = np.array([*fixed, *walk.picks], dtype=np.int64)
        k = min(walk.guess(), room - len(walk.picks), int(free.sum()))
        found, radii = _block(x, k, free, centres, seed, metric, device, threads)
        whole = walk.accept(found, radii)
        if whole and len(found) < k:
            break  # all others coincide with centres
    return PicksWithin(
        np.array(walk.picks, dtype=np.int64), np.array(walk.radii, np.float32), walk.passed
    )


class _Walk:
    """How far the picks have come."""

    def __init__(self, costs: NDArray[np.int64], left: int, free: NDArray[np.bool_]) -> None:
        self.costs, self.left, self.free = costs, left, free
        self.picks: list[int] = []
        self.radii: list[np.float32] = []
        self.passed: dict[int, int] = {}

    def guess(self) -> int:
        """Return how many rows to ask for: somewhat more than the rest of the budget may take."""
        known = self.costs[self.picks] if self.picks else self.costs[self.free]
        return max(FEWEST, math.ceil(SPARE * self.left / max(1.0, float(known.mean()))))

    def accept(self, found: NDArray[np.int64], radii: NDArray[np.float32]) -> bool:
        """Keep the picks before the first that does not fit; says whether all did."""
        spent = np.cumsum(self.costs[found])
        fits = int(np.searchsorted(spent, self.left, side="right"))
        self.picks += found[:fits].tolist()
        self.radii += list(radii[:fits])
        self.free[found[:fits]] = False
        self.left -= int(spent[fits - 1]) if fits else 0
        if fits < len(found):
            self.pass_over()
        return fits == len(found)

    def pass_over(self) -> None:
        """Take out all rows that cost more than is left."""
        for row in np.flatnonzero(self.free & (self.costs > self.left)):
            self.passed[int(row)] = self.left
            self.free[row] = False


def _block(
    x: NDArray[Any],
    k: int,
    free: NDArray[np.bool_],
    centres: NDArray[np.int64],
    seed: int,
    metric: Metric,
    device: str,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pick k free rows besides the centres; rows that are neither are left out."""
    kept = free.copy()
    kept[centres] = True
    rows = np.flatnonzero(kept)
    first = None
    if not len(centres):
        first = int(np.random.default_rng(seed).integers(len(rows)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EarlyStopWarning)
        found = greedy.kcenter_greedy(
            x if len(rows) == len(x) else x[rows],
            k,
            initial=np.searchsorted(rows, centres),
            first=first,
            metric=metric,
            device=device,
            threads=threads,
        )
    return rows[found.indices], found.radii

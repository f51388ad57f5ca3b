"""A shard: the rows of one place, and the messages that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mods.kcenter.contract import Metric, check_threads
from mods.kcenter.oracle import canonical_distances
from mods.kcenter.rows import as_rows, widen

if TYPE_CHECKING:
    import torch

__all__ = ["Behind", "Centres", "Farthest", "Offer", "Plan", "RowsShard", "Settled"]


class Plan(NamedTuple):
    """What a shard must know of a run. Every message holds it, so that none depends on others."""

    first: int
    """The number of the shard's row 0 among all rows."""
    metric: Metric
    mean: NDArray[np.float32]
    """(d,): what sketches are taken around."""
    most: int
    """Centres there will be at most."""


class Centres(NamedTuple):
    """Centres to be learned."""

    start: int
    """How many came before them."""
    ids: NDArray[np.int64]
    """(m,): their numbers among all rows."""
    values: NDArray[np.float32]
    """(m, d): widened, and scaled for cosine."""


class Offer(NamedTuple):
    """Rows that may be picked next."""

    ids: NDArray[np.int64]
    values: NDArray[np.float32]
    exact: NDArray[np.float64]
    """(m,): squared distances to the nearest centre."""
    tau: float
    """All other rows of the shard are nearer than that."""
    refined: float
    """Distances computed since the last offer."""


class Farthest(NamedTuple):
    """The farthest row of a shard."""

    value: float
    """Its squared distance to the nearest centre; negative where all rows are centres."""
    id: int
    values: NDArray[np.float32]


class Behind(NamedTuple):
    """The answer of a shard that lacks centres: it was made again since."""

    centres: int
    """How many it knows."""


Settled: TypeAlias = "tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]"
"""Places in the last offer, how many centres were looked at, squared distances."""


class RowsShard:
    """Rows in this process; the rest is in the core (`csrc/apart.hpp`)."""

    def __init__(self, rows: NDArray[Any] | torch.Tensor, *, threads: int = 1) -> None:
        """`rows`: as `kcenter_greedy` takes them. Raises its `ValueError`s."""
        self._rows, self._threads = as_rows(rows), check_threads(threads)
        self._core: Any = None

    def shape(self) -> tuple[int, int, str]:
        """Return (n, d) and the dtype of the rows."""
        n, d = self._rows.values.shape
        return n, d, self._rows.dtype

    def read(self, first: int, metric: Metric, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows by their numbers among all, (m, d): widened, and scaled for cosine."""
        rows = widen(self._rows._replace(values=self._rows.values[numbers - first]))
        if metric == "euclidean":
            return np.ascontiguousarray(rows)
        lengths = np.sqrt(canonical_distances(rows, np.zeros(rows.shape[1], np.float32)))
        with np.errstate(invalid="ignore", divide="ignore"):  # the first pass names such rows
            scaled: NDArray[np.float32] = (rows.astype(np.float64) / lengths[:, None]).astype(
                np.float32
            )
        return scaled

    def turn(
        self, plan: Plan, centres: Centres, picks_left: int, settled: Settled | None = None
    ) -> Offer | Behind | None:
        """Settle the last offer, learn centres, and make an offer.

        None: the rows are beyond what bounds can certify, and only `brute` is left.
        """
        core = self._at(plan, centres)
        if isinstance(core, Behind):
            return core
        if settled is not None:
            core.settle(*settled)
        if not core.learn(centres.ids, centres.values):
            return None
        return Offer(*core.refill(picks_left))

    def brute(self, plan: Plan, centres: Centres) -> Farthest | Behind:
        """Learn centres by brute force, after which no turn is taken; return the farthest row."""
        core = self._at(plan, centres)
        return core if isinstance(core, Behind) else Farthest(*core.brute(*centres[1:]))

    def _at(self, plan: Plan, centres: Centres) -> Any:
        """Return the core, which knows all centres before these; else how many it knows."""
        from mods import _core

        if centres.start == 0:
            self._core = _core.ShardApart(
                self._rows.values,
                dtype=self._rows.dtype,
                first=plan.first,
                metric=plan.metric,
                mean=plan.mean,
                most_centres=plan.most,
                threads=self._threads,
            )
        known = 0 if self._core is None else self._core.centres
        return self._core if known == centres.start else Behind(known)

"""Selectors: k-center greedy, and chance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mods import Picks, Pool, SettingsError, hookimpl
from mods_plugins.baselines import draw

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.hookspecs import RegisterSelector


MOST_THREADS = 1024


class KCenterSelector:
    """K-center greedy: again and again the row farthest from everything picked so far.

    The coverage step of MoDS (Du et al., 2023); farthest-first traversal (Gonzalez, 1985). Fewer
    than k rows come back, with a warning, when all others coincide with a centre. Without fixed
    centres the first pick is drawn from `seed`. `metric` is `euclidean` or `cosine`; `device` is
    `auto`, `cpu`, `cuda` or `cuda:N`; `threads=0` takes all that may be used. Neither changes
    the picks.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        metric: Literal["euclidean", "cosine"] = "euclidean",
        device: str = "auto",
        threads: int = 0,
    ) -> None:
        """Check the settings now: a mistake found at the first pick would cost all stages before.

        Raises `SettingsError`.
        """
        if metric not in ("euclidean", "cosine"):
            raise SettingsError(f"kcenter: metric must be euclidean or cosine, got {metric!r}")
        if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", device):
            raise SettingsError(
                f"kcenter: device must be auto, cpu, cuda or cuda:N, got {device!r}"
            )
        _check_count("threads", threads, MOST_THREADS)
        _check_count("seed", seed)
        self.seed = seed
        self.metric = metric
        self.device = device
        self.threads = threads

    def identity(self) -> dict[str, Any]:
        """Return what decides the picks."""
        return {"method": "kcenter", "metric": self.metric, "seed": self.seed}

    def select(self, pool: Pool, k: int, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick up to k rows besides `initial`; the covering radius after each comes along."""
        k = min(k, len(pool.records) - len(initial))
        if k < 1:
            return Picks(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        from mods.kcenter import kcenter_greedy

        try:
            indices, radii = kcenter_greedy(
                pool.embeddings,
                k,
                initial=initial,
                seed=self.seed,
                metric=self.metric,
                device=self.device,
                threads=self.threads,
            )
        except ValueError as error:
            raise SettingsError(f"kcenter: {self._explained(pool, error)}") from error
        return Picks(indices, radii)

    def _explained(self, pool: Pool, error: ValueError) -> str:
        """Name the record of an all-zero vector; its place in the pool tells the user nothing."""
        zero = np.flatnonzero(~np.asarray(pool.embeddings).any(axis=1))
        if self.metric != "cosine" or not len(zero):
            return str(error)
        record = pool.records[int(zero[0])]
        return (
            f"the vector of {record.source}:{record.row} is all zeros and has no direction; "
            "use metric=euclidean or another embedder"
        )


def _check_count(name: str, value: object, most: int | None = None) -> None:
    """Refuse what is no whole number from 0 on, up to `most`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 0 or (most is not None and value > most):  # type: ignore[operator]
        limits = "0 or more" if most is None else f"0 to {most}"
        raise SettingsError(f"kcenter: {name} must be a whole number, {limits}, got {value!r}")


class RandomSelector:
    """Rows by chance: the baseline every selection has to beat.

    Rows are ranked by a number drawn from the seed and their id, so the order of the pool does
    not matter, and a larger k, or a pool with rows added, keeps the picks it had in their order.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def identity(self) -> dict[str, Any]:
        """Return the seed."""
        return {"method": "random", "seed": self.seed}

    def select(self, pool: Pool, k: int, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick k rows besides `initial`, or all of them if there are fewer."""
        taken = {int(row) for row in initial}
        free = [row for row in range(len(pool.records)) if row not in taken]
        # Copies of a row share its number; the row number then decides.
        free.sort(key=lambda row: (draw(self.seed, pool.records[row].id), row))
        return Picks(np.array(free[:k], dtype=np.int64))


@hookimpl
def register_selectors(register: RegisterSelector) -> None:
    """Register the default selectors."""
    register("kcenter", KCenterSelector)
    register("random", RandomSelector)

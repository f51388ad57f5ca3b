"""K-center greedy selection. Registers the selector `kcenter`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mods import Budget, Picks, PluginError, Pool, SettingsError, hookimpl
from mods.interfaces import EMBEDDINGS

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register


MOST_THREADS = 1024
"""What the core takes: more are a mistake, and may be more than the system can start."""


class KCenterSelector:
    """K-center greedy: again and again the row farthest from everything picked so far.

    The coverage step of MoDS (Du et al., 2023); farthest-first traversal (Gonzalez, 1985). Fewer
    than k rows come back, with a warning, when all others coincide with a centre. Without fixed
    centres the first pick is drawn from `seed`. `metric` is `euclidean` or `cosine`; `device` is
    `auto`, `cpu`, `cuda` or `cuda:N`; `threads=0` takes all that may be used. Neither changes
    the picks.
    """

    needs = (EMBEDDINGS,)
    in_order = True

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

    def refused(self, pool: Pool) -> dict[int, str]:
        """Return the rows without a direction, which have no cosine distance, and say so."""
        if self.metric != "cosine" or pool.embeddings is None:
            return {}
        zero = np.flatnonzero(~pool.embeddings.any(axis=1))
        reason = "its vector is all zeros and has no direction, which kcenter:metric=cosine needs"
        return dict.fromkeys(zero.tolist(), reason)

    def select(self, pool: Pool, budget: Budget, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick up to `budget.rows` rows besides `initial`, and no more tokens than `budget.tokens`.

        Under a budget in tokens, a row that alone has more than are left when its turn comes is
        passed over and is no centre; see `mods.kcenter.kcenter_within`. Returns int64 indices,
        shape (k,), and the covering radius after each pick, float32, shape (k,), in the distance
        of `metric`. Raises `SettingsError` for vectors or a device that cannot be used,
        `PluginError` for a pool without vectors, or without the tokens that the budget counts.
        """
        if pool.embeddings is None:
            raise PluginError("kcenter: the pool holds no embeddings, which this selector needs")
        k = min(budget.rows, len(pool.records) - len(initial))
        if k < 1:
            return Picks(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        from mods.kcenter import kcenter_greedy, kcenter_within

        options: dict[str, Any] = {
            "initial": initial,
            "seed": self.seed,
            "metric": self.metric,
            "device": self.device,
            "threads": self.threads,
        }
        try:
            if budget.tokens is None:
                return Picks(*kcenter_greedy(pool.embeddings, k, **options))
            if pool.tokens is None:
                raise PluginError("kcenter: a budget in tokens needs a pool with token counts")
            return Picks(
                *kcenter_within(pool.embeddings, pool.tokens, budget.tokens, most=k, **options)
            )
        except ValueError as error:
            raise SettingsError(f"kcenter: {error}") from error


def _check_count(name: str, value: object, most: int | None = None) -> None:
    """Refuse what is no whole number from 0 on, up to `most`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 0 or (most is not None and value > most):  # type: ignore[operator]
        limits = "0 or more" if most is None else f"0 to {most}"
        raise SettingsError(f"kcenter: {name} must be a whole number, {limits}, got {value!r}")


@hookimpl
def register_selectors(register: Register) -> None:
    """Register `kcenter`."""
    register("kcenter", KCenterSelector)

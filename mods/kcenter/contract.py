"""What the functions of this package share: the result, the warning, the checks of arguments."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EarlyStopWarning",
    "KCenterResult",
    "Metric",
    "Progress",
    "check_finite",
    "check_first",
    "check_initial",
    "check_k",
    "check_metric",
    "check_row_numbers",
    "check_threads",
    "finish",
]

Metric = Literal["euclidean", "cosine"]
Progress = Callable[[int, float], object]
_MOST_THREADS = 1024  # more are a mistake, and may be more than the system can start


class EarlyStopWarning(UserWarning):
    """Fewer rows than asked for were picked: every other row coincides with a centre."""


class KCenterResult(NamedTuple):
    """Rows picked, and how well they cover the rest.

    Attributes:
        indices: (k,) int64, row numbers in pick order.
        radii: (k,) float32; `radii[i]` is the covering radius once `indices[: i + 1]` (and
            `initial`) are centres: the distance of the farthest row to its nearest centre.
            Euclidean distance, or cosine distance `1 - cos` with `metric="cosine"`.
    """

    indices: NDArray[np.int64]
    radii: NDArray[np.float32]


def check_row_numbers(given: Any, n: int, name: str) -> NDArray[np.int64]:
    """Return `given` as (m,) int64 row numbers.

    Raises:
        ValueError: not a 1-D list of distinct numbers in 0..n-1; the message names it as `name`.
    """
    numbers = np.asarray(given)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be a 1-D list of row numbers, got {numbers.dtype} {numbers.shape}"
        )
    outside = numbers[(numbers < 0) | (numbers >= n)]
    if outside.size:
        raise ValueError(f"{name} contains {outside[0]}, outside 0..{n - 1}")
    checked = numbers.astype(np.int64)
    values, counts = np.unique(checked, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{name} contains {values[counts > 1][0]} more than once")
    return checked


def check_initial(initial: Any, n: int) -> NDArray[np.int64]:
    """Return the fixed centres, (m,) int64; none where `initial` is None."""
    return np.empty(0, np.int64) if initial is None else check_row_numbers(initial, n, "initial")


def check_k(k: int, most: int) -> int:
    """Return `k`, a whole number in 1..`most`."""
    k = operator.index(k)
    if not 1 <= k <= most:
        raise ValueError(f"k = {k} is outside 1..{most}, the number of rows that can be picked")
    return k


def check_first(first: int | None, fixed: NDArray[np.int64], seed: int, n: int) -> int:
    """Return the first pick: `first`, else drawn from `seed`; 0 where `fixed` centres decide."""
    if len(fixed):
        if first is not None:
            raise ValueError(f"first = {first} cannot be combined with initial centres")
        return 0
    if first is None:
        if isinstance(seed, int) and seed < 0:
            raise ValueError(f"seed = {seed} must not be negative")
        return int(np.random.default_rng(seed).integers(n))
    first = operator.index(first)
    if not 0 <= first < n:
        raise ValueError(f"first = {first} is outside 0..{n - 1}")
    return first


def check_metric(metric: str) -> None:
    """Refuse what is no metric."""
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f'metric must be "euclidean" or "cosine", got {metric!r}')


def check_threads(threads: int) -> int:
    """Return `threads`, 0 (all) or more, as an int."""
    try:
        count = operator.index(threads)
    except TypeError:
        raise ValueError(f"threads must be a whole number, got {threads!r}") from None
    if not 0 <= count <= _MOST_THREADS:
        raise ValueError(f"threads = {count} must be 0 (all) or 1..{_MOST_THREADS}")
    return count


def check_finite(z: NDArray[np.float32], first: int = 0) -> None:
    """Refuse (n, d) rows that are not finite, naming the value; row 0 counts as row `first`."""
    bad = np.argwhere(~np.isfinite(z))
    if len(bad):
        row, column = bad[0]
        value = "nan" if np.isnan(z[row, column]) else "infinite"
        raise ValueError(
            f"row {first + row}, column {column} is {value}; embeddings must be finite"
        )


def finish(indices: NDArray[np.int64], radii: NDArray[np.float32], k: int) -> KCenterResult:
    """Return the result, with a warning to the user where it has fewer than `k` picks."""
    if len(indices) < k:
        warnings.warn(
            f"picked {len(indices)} of {k} rows: every other row coincides with a centre",
            EarlyStopWarning,
            stacklevel=3,
        )
    return KCenterResult(indices, radii)

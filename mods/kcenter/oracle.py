"""The same picks in plain NumPy, slow and short: what every fast path is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mods.kcenter.contract import (
    KCenterResult,
    Metric,
    check_finite,
    check_first,
    check_initial,
    check_k,
    check_metric,
    finish,
)
from mods.kcenter.rows import as_rows, widen

if TYPE_CHECKING:
    import torch

__all__ = ["canonical_distances", "kcenter_oracle"]

_LANES = 16


def kcenter_oracle(
    x: NDArray[Any] | torch.Tensor,
    k: int,
    *,
    initial: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    first: int | None = None,
    seed: int = 0,
    metric: Metric = "euclidean",
) -> KCenterResult:
    """Give the same answer as `kcenter_greedy`, bit for bit, in plain NumPy.

    Slow (k passes in float64) and short: the definition to test against. Arguments, result, errors
    and warnings as there.
    """
    rows = as_rows(x)
    z = widen(rows)
    check_finite(z)
    n = len(z)
    fixed = check_initial(initial, n)
    k = check_k(k, n - len(fixed))
    start = check_first(first, fixed, seed, n)
    check_metric(metric)
    if metric == "cosine":
        z = _normalise(z)

    m = np.full(n, np.inf)  # float64 squared distance to the nearest centre; -1 for centres
    for c in fixed:
        np.minimum(m, canonical_distances(z, z[c]), out=m)
    m[fixed] = -1
    picks: list[int] = []
    radii: list[np.float32] = []
    while len(picks) < k:
        c = start if not picks and not len(fixed) else int(np.argmax(m))
        if m[c] <= 0:
            break
        picks.append(c)
        np.minimum(m, canonical_distances(z, z[c]), out=m)
        m[c] = -1
        largest = max(float(m.max()), 0.0)
        with np.errstate(over="ignore"):  # a radius beyond float32 is reported as inf
            radii.append(np.float32(largest / 2 if metric == "cosine" else np.sqrt(largest)))
    return finish(np.array(picks, np.int64), np.array(radii, np.float32), k)


def canonical_distances(x: NDArray[np.float32], c: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return D(row, c), (n,) float64, in the order of `csrc/canonical.hpp`.

    Args:
        x: (n, d) float32 rows.
        c: (d,) float32, the same for all rows, or (n, d), one for each.
    """
    lanes = np.zeros((len(x), _LANES))
    for j in range(0, x.shape[1], _LANES):
        e = x[:, j : j + _LANES].astype(np.float64) - c[..., j : j + _LANES].astype(np.float64)
        lanes[:, : e.shape[1]] += e * e
    width = _LANES
    while width > 1:
        width //= 2
        lanes[:, :width] += lanes[:, width : 2 * width]
    folded: NDArray[np.float64] = lanes[:, 0].copy()
    return folded


def _normalise(z: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(canonical_distances(z, np.zeros(z.shape[1], np.float32)))
    if not lengths.all():
        raise ValueError(
            f"row {int(np.argmin(lengths))} is all zeros and has no direction; "
            'metric="cosine" needs non-zero rows'
        )
    return (z.astype(np.float64) / lengths[:, None]).astype(np.float32)

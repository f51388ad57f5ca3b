"""For every row the nearest of some chosen rows, exact: estimates with certified errors come first.

The estimate of |x - c|^2 comes from one float32 matrix product over rows shifted by a common
vector. With u = 2^-24 and S = |x|^2 + |c|^2 (of the shifted rows) it errs by less than
(d + 32) 2u S:

- a dot product of d terms, summed in any order, errs by at most 2 d u |x| |c| for d < 2^23, and
  twice that is at most 2 d u S;
- shifting and rounding the rows changes the square by at most 4 u S, rounding the squared lengths
  by u S, and the few additions and products after it by less than 20 u S;
- the rows are scaled by a power of two so that the largest value of the chosen ones is about 1;
  what underflows then adds less than `_UNDERFLOW`.

Only pairs that the estimates cannot tell from the best one are computed in float64, in the
canonical order of `csrc/canonical.hpp`. So neither the matrix product nor the number of threads has
any say in the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mods.kcenter.contract import check_finite, check_row_numbers, check_threads
from mods.kcenter.oracle import canonical_distances
from mods.kcenter.rows import HostRows, as_rows, widen

__all__ = ["nearest_rows"]

_PAIRS = 1 << 22  # estimates held at a time, for each thread
_FEWEST_ROWS, _MOST_ROWS = 16, 4096  # rows of a block: what a matrix product needs to be fast
_VALUES = 1 << 22  # values of rows that are refined at a time
_UNDERFLOW = np.float32(1e-30)
_FAR = np.float32(1e30)  # beyond it estimates might overflow: every chosen row is possible


def nearest_rows(
    x: NDArray[np.float32],
    chosen: Sequence[int] | NDArray[np.integer[Any]],
    *,
    threads: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find for every row of `x` the nearest of the rows `chosen` other than itself.

    Exact and deterministic: by the float64 canonical distance, ties to the lowest row number. The
    rows are read once, in blocks; besides them the memory holds a float32 copy of the chosen rows
    and some 50 MB for each thread.

    Args:
        x: (n, d) float32 rows (also float16 or bfloat16, memory-mapped, or a torch tensor on CPU).
        chosen: (m,) row numbers, m >= 1, distinct, in any order.
        threads: blocks worked on at a time; 0 takes all that the process may use.

    Returns:
        Row numbers, (n,) int64, and Euclidean distances, (n,) float64. A chosen row names another
        chosen row; where there is no other it gets -1 and infinity.

    Raises:
        ValueError: a shape, dtype, row number or value that cannot be used; the message names it.
    """
    rows = as_rows(x)
    n = len(rows.values)
    numbers = np.sort(check_row_numbers(chosen, n, "chosen"))
    if not len(numbers):
        raise ValueError("chosen is empty: there is no row to be near to")
    threads = check_threads(threads)
    if threads == 0:
        from mods import _core

        threads = _core.usable_threads()
    centres = _prepare(rows, numbers)
    nearest = np.full(n, -1, np.int64)
    squares = np.full(n, np.inf)
    size = int(np.clip(_PAIRS // len(numbers), _FEWEST_ROWS, _MOST_ROWS))

    def work(begin: int) -> None:
        block = slice(begin, min(begin + size, n))
        nearest[block], squares[block] = _nearest_of_block(rows, block, centres)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(0, n, size)):
            pass  # the first mistake in row order is raised here
    return nearest, np.sqrt(squares)


class _Centres(NamedTuple):
    """The chosen rows, ascending, and what estimates need of them."""

    numbers: NDArray[np.int64]
    values: NDArray[np.float32]
    shift: NDArray[np.float64]
    scale: float
    shifted: NDArray[np.float32]
    lengths: NDArray[np.float32]  # squared


def _prepare(rows: HostRows, numbers: NDArray[np.int64]) -> _Centres:
    values = widen(rows._replace(values=rows.values[numbers]))
    for row, value in zip(numbers, values, strict=True):
        check_finite(value[None], int(row))
    shift = values.mean(axis=0, dtype=np.float64)
    largest = float(np.abs(values - shift).max())
    scale = 2.0 ** -np.frexp(largest)[1] if largest else 1.0
    shifted, lengths = _shifted(values, shift, scale)
    return _Centres(numbers, values, shift, scale, shifted, lengths)


def _shifted(
    values: NDArray[np.float32], shift: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    z = ((values - shift) * scale).astype(np.float32)
    return z, np.einsum("ij,ij->i", z, z, dtype=np.float64).astype(np.float32)


def _nearest_of_block(
    rows: HostRows, block: slice, centres: _Centres
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return row numbers and squared distances for the rows of `block`."""
    values = widen(rows._replace(values=rows.values[block]))
    check_finite(values, block.start)
    row, place = np.nonzero(_possible(values, block.start, centres))
    squares = _refined(values, row, centres.values, place)
    nearest = np.full(len(values), -1, np.int64)
    least = np.full(len(values), np.inf)
    np.minimum.at(least, row, squares)
    best = squares == least[row]
    found, first = np.unique(row[best], return_index=True)  # of equals the lowest row number
    nearest[found] = centres.numbers[place[best][first]]
    return nearest, least


def _possible(values: NDArray[np.float32], begin: int, centres: _Centres) -> NDArray[np.bool_]:
    """Return (rows, m): whether the chosen row may be the nearest one other than the row itself."""
    inside = slice(*np.searchsorted(centres.numbers, (begin, begin + len(values))))
    own = centres.numbers[inside] - begin, np.arange(inside.start, inside.stop)
    with np.errstate(over="ignore", invalid="ignore"):
        z, lengths = _shifted(values, centres.shift, centres.scale)
        slack = np.float32((z.shape[1] + 32) * 2.0**-23)
        products = z @ centres.shifted.T
        products *= np.float32(-2)
        products[own] = np.inf
        # lower bound <= least upper bound, with the row's own length taken to the other side
        limit = (products + centres.lengths * (1 + slack)).min(axis=1)
        limit += 2 * slack * lengths + 2 * _UNDERFLOW
        possible: NDArray[np.bool_] = products + centres.lengths * (1 - slack) <= limit[:, None]
    possible[~(lengths < _FAR)] = True
    possible[own] = False
    return possible


def _refined(
    x: NDArray[np.float32],
    row: NDArray[np.intp],
    c: NDArray[np.float32],
    place: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return canonical distances of the pairs x[row[i]], c[place[i]]."""
    step = max(_VALUES // x.shape[1], 1)
    parts = [
        canonical_distances(x[row[i : i + step]], c[place[i : i + step]])
        for i in range(0, len(row), step)
    ]
    return np.concatenate(parts) if parts else np.empty(0)

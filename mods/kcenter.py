"""Exact k-center greedy (farthest-first traversal): `kcenter_greedy` and its NumPy oracle.

Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985): pick, again and again,
the row farthest from all rows picked so far. The radius reached is at most twice the best possible.
The selection step of MoDS (Du et al., 2023) and of core-set active learning (Sener & Savarese,
2018). The contract of the picks, down to the order of the float64 operations, is written in
`csrc/canonical.hpp` and `csrc/kcenter.hpp`.
"""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["EarlyStopWarning", "KCenterResult", "build_info", "kcenter_greedy", "kcenter_oracle"]

Metric = Literal["euclidean", "cosine"]
Progress = Callable[[int, float], object]
_LANES = 16
_MOST_THREADS = 1024  # more are a mistake, and may be more than the system can start
_DLPACK_CUDA, _DLPACK_CUDA_MANAGED = 2, 13  # DLPack's device types


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


class _Rows(NamedTuple):
    """Rows as the core reads them; `values` holds float16 and bfloat16 as they are stored."""

    values: NDArray[Any]
    dtype: str


class _CudaRows(NamedTuple):
    """Rows in the memory of a CUDA device, with the stream on which they are ready."""

    values: Any  # has __dlpack__
    device: int
    stream: int


def kcenter_greedy(
    x: NDArray[Any] | torch.Tensor,
    k: int,
    *,
    initial: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    first: int | None = None,
    seed: int = 0,
    metric: Metric = "euclidean",
    device: str = "auto",
    threads: int = 0,
    progress: Progress | None = None,
) -> KCenterResult:
    """Pick `k` rows that cover `x`, each the row farthest from all centres so far.

    Exact: the picks are those of a float64 brute force, ties to the lowest index, whatever the
    number of threads, the instruction set or the device.

    Args:
        x: (n, d) float32, float16 or bfloat16 array or tensor. Rows may be strided or
            memory-mapped, also from a file larger than the memory; they are read where they lie,
            and about n * (d + 64) bytes are needed besides (up to 256 MiB of them are kept for
            the next call; the system may take them back any time). Rows on a CUDA device may be
            anything with DLPack; torch tensors are read on the current stream.
        k: rows to pick, 1 <= k <= n - len(initial).
        initial: row numbers that are centres from the start; they are not returned.
        first: the first pick where there is no `initial`; else drawn from `seed`.
        seed: `first = numpy.random.default_rng(seed).integers(n)`.
        metric: "euclidean", or "cosine": the same on rows scaled to unit length, with radii
            reported as `1 - cos`.
        device: "cpu", "cuda", "cuda:N", or "auto": where the rows are. Rows in host memory are
            copied to a CUDA device, or read from host memory as needed if they do not fit there.
        threads: CPU threads; 0 takes all that the process may use, within the CPU limit
            of its container.
        progress: called about ten times a second with (rows picked, covering radius).

    Returns:
        The picks and the covering radius after each.

    Raises:
        ValueError: a value out of range, a non-finite value, a zero row with "cosine", an
            unsupported dtype or shape, or a device that is not there. The message names it.
        MemoryError: the memory of the machine or of the CUDA device does not suffice.

    Warns:
        EarlyStopWarning: all remaining rows coincide with centres, so fewer than `k` are returned.
    """
    rows = _cuda_rows(x) or _as_rows(x)
    n = len(rows.values)
    fixed = _check_initial(initial, n)
    k = _check_k(k, n - len(fixed))
    start = _check_first(first, fixed, seed, n)
    _check_metric(metric)
    threads = _check_threads(threads)
    index = _choose_device(device, rows.device if isinstance(rows, _CudaRows) else None)
    from mods import _core

    if isinstance(rows, _Rows) and index is None:
        indices, radii, _ = _core.kcenter(
            rows.values, rows.dtype, k, fixed, start, metric, threads, progress
        )
    else:
        indices, radii, _ = _run_cuda(rows, k, fixed, start, metric, progress, index or 0)
    return _finish(indices, radii, k)


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
    rows = _as_rows(x)
    z = _widen(rows)
    _check_finite(z)
    n = len(z)
    fixed = _check_initial(initial, n)
    k = _check_k(k, n - len(fixed))
    start = _check_first(first, fixed, seed, n)
    _check_metric(metric)
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
    return _finish(np.array(picks, np.int64), np.array(radii, np.float32), k)


def canonical_distances(x: NDArray[np.float32], c: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return D(row, c), (n,) float64, for (n, d) rows: the order of `csrc/canonical.hpp`."""
    lanes = np.zeros((len(x), _LANES))
    for j in range(0, x.shape[1], _LANES):
        e = x[:, j : j + _LANES].astype(np.float64) - c[j : j + _LANES].astype(np.float64)
        lanes[:, : e.shape[1]] += e * e
    width = _LANES
    while width > 1:
        width //= 2
        lanes[:, :width] += lanes[:, width : 2 * width]
    folded: NDArray[np.float64] = lanes[:, 0].copy()
    return folded


def build_info() -> dict[str, Any]:
    """Tell what the native core was built with and what it uses here (for `mods doctor`).

    Keys: `isa_compiled`, `isa_available` (best first), `isa_chosen` (after `MODS_ISA`), `cuda`
    (built in or not), `cuda_architectures`, `cuda_compiler`, `cuda_devices` (name, capability,
    multiprocessors, memory_bytes of each), `cuda_missing` (why there is none).
    """
    from mods import _core

    return _core.build_info()


def _cuda_rows(x: Any) -> _CudaRows | None:
    """Return `x` where it lies on a CUDA device, else None."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return None
    if _is_tensor(x):
        _check_tensor(x)
    kind, device = (int(part) for part in x.__dlpack_device__())
    if kind not in (_DLPACK_CUDA, _DLPACK_CUDA_MANAGED):
        return None
    _check_shape(x.shape)
    stream = 0
    if _is_tensor(x):
        import torch

        x = x.detach()
        if x.stride(1) != 1 and x.shape[1] > 1:
            x = x.contiguous()
        stream = torch.cuda.current_stream(device).cuda_stream
    return _CudaRows(x, device, stream)


def _run_cuda(
    rows: _Rows | _CudaRows,
    k: int,
    fixed: NDArray[np.int64],
    start: int,
    metric: str,
    progress: Progress | None,
    index: int,
    method: str = "auto",
) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]:
    from mods import _core

    if isinstance(rows, _Rows):
        source, dtype, stream = rows.values, rows.dtype, 0
    else:  # DLPack calls the default stream 1
        source, dtype, stream = rows.values.__dlpack__(stream=rows.stream or 1), "", rows.stream
    return _core.kcenter_cuda(
        source, dtype, k, fixed, start, metric, progress, index, stream, method
    )


def _as_rows(x: Any) -> _Rows:
    rows = _torch_rows(x) if _is_tensor(x) else _numpy_rows(x)
    _check_shape(rows.values.shape)
    return rows._replace(values=_readable(rows.values))


def _check_shape(shape: Sequence[int]) -> None:
    if len(shape) != 2:
        raise ValueError(f"x must be 2-D (rows, dimensions), got shape {tuple(shape)}")
    if 0 in shape:
        raise ValueError(f"x must have rows and columns, got shape {tuple(shape)}")


def _is_tensor(x: object) -> bool:
    torch = sys.modules.get("torch")  # an object of torch's exists only once torch is imported
    return torch is not None and isinstance(x, torch.Tensor)


def _numpy_rows(x: Any) -> _Rows:
    values = np.asarray(x)
    name = values.dtype.name
    if not values.dtype.isnative:
        raise ValueError(f"x has byte-swapped dtype {values.dtype.str}; use x.astype(np.float32)")
    if name == "bfloat16":  # ml_dtypes
        return _Rows(values.view(np.uint16), name)
    if name not in ("float32", "float16"):
        raise ValueError(
            f"x must be float32, float16 or bfloat16, got {name}; use x.astype(np.float32)"
        )
    return _Rows(values, name)


def _check_tensor(x: torch.Tensor) -> None:
    import torch

    if x.layout != torch.strided:
        raise ValueError(f"x is a sparse tensor ({x.layout}); use x.to_dense()")
    if x.device.type == "meta":
        raise ValueError("x is a meta tensor, which has a shape but no values; load its values")


def _torch_rows(x: torch.Tensor) -> _Rows:
    import torch

    _check_tensor(x)
    names = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
    if x.dtype not in names:
        raise ValueError(f"x must be float32, float16 or bfloat16, got {x.dtype}; use x.float()")
    if x.device.type != "cpu":
        raise ValueError(f"x is on {x.device}; use x.cpu()")
    x = x.detach()
    if x.dtype == torch.bfloat16:
        x = x.view(torch.int16)
    return _Rows(x.numpy(), names.get(x.dtype, "bfloat16"))


def _readable(values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` itself where the core can walk it, else a contiguous copy."""
    size = values.itemsize
    row_step, step = values.strides
    plain = (step == size or values.shape[1] == 1) and row_step % size == 0
    return values if plain and values.flags.aligned else np.ascontiguousarray(values)


def _check_initial(initial: Any, n: int) -> NDArray[np.int64]:
    if initial is None:
        return np.empty(0, np.int64)
    given = np.asarray(initial)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(
            f"initial must be a 1-D list of row numbers, got {given.dtype} {given.shape}"
        )
    outside = given[(given < 0) | (given >= n)]
    if outside.size:
        raise ValueError(f"initial contains {outside[0]}, outside 0..{n - 1}")
    fixed = given.astype(np.int64)
    values, counts = np.unique(fixed, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"initial contains {values[counts > 1][0]} more than once")
    return fixed


def _check_k(k: int, most: int) -> int:
    k = operator.index(k)
    if not 1 <= k <= most:
        raise ValueError(f"k = {k} is outside 1..{most}, the number of rows that can be picked")
    return k


def _check_first(first: int | None, fixed: NDArray[np.int64], seed: int, n: int) -> int:
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


def _check_metric(metric: str) -> None:
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f'metric must be "euclidean" or "cosine", got {metric!r}')


def _check_threads(threads: int) -> int:
    try:
        count = operator.index(threads)
    except TypeError:
        raise ValueError(f"threads must be a whole number, got {threads!r}") from None
    if not 0 <= count <= _MOST_THREADS:
        raise ValueError(f"threads = {count} must be 0 (all) or 1..{_MOST_THREADS}")
    return count


def _choose_device(device: str, rows_on: int | None) -> int | None:
    """Return the CUDA device to run on, or None for the CPU. `rows_on`: likewise."""
    if not isinstance(device, str):
        raise ValueError(f'device must be a text such as "cpu" or "cuda:0", got {device!r}')
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (
        number and not (kind == "cuda" and number.isdigit())
    ):
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "cuda:N", got {device!r}')
    if kind == "cpu" and rows_on is not None:
        raise ValueError(f'x is on cuda:{rows_on}; use device="auto", or copy x to the CPU')
    if kind == "cpu" or (kind == "auto" and rows_on is None):
        return None
    index = int(number) if number else rows_on or 0
    _check_cuda(device, index)
    if rows_on is not None and rows_on != index:
        raise ValueError(f'x is on cuda:{rows_on}; use device="cuda", not {device!r}')
    return index


def _check_cuda(device: str, index: int) -> None:
    from mods import _core

    count = _core.cuda_device_count()
    if count == 0:
        reason = _core.why_no_cuda_device()
        raise ValueError(
            f'device={device!r}: no CUDA device can be used ({reason}); use device="cpu"'
        )
    if index >= count:
        raise ValueError(f"device={device!r} is outside cuda:0..cuda:{count - 1}")


def _widen(rows: _Rows) -> NDArray[np.float32]:
    if rows.dtype == "bfloat16":
        return (rows.values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(rows.values, np.float32)


def _check_finite(z: NDArray[np.float32]) -> None:
    bad = np.argwhere(~np.isfinite(z))
    if len(bad):
        row, column = bad[0]
        value = "nan" if np.isnan(z[row, column]) else "infinite"
        raise ValueError(f"row {row}, column {column} is {value}; embeddings must be finite")


def _normalise(z: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(canonical_distances(z, np.zeros(z.shape[1], np.float32)))
    if not lengths.all():
        raise ValueError(
            f"row {int(np.argmin(lengths))} is all zeros and has no direction; "
            'metric="cosine" needs non-zero rows'
        )
    return (z.astype(np.float64) / lengths[:, None]).astype(np.float32)


def _finish(indices: NDArray[np.int64], radii: NDArray[np.float32], k: int) -> KCenterResult:
    if len(indices) < k:
        warnings.warn(
            f"picked {len(indices)} of {k} rows: every other row coincides with a centre",
            EarlyStopWarning,
            stacklevel=3,
        )
    return KCenterResult(indices, radii)

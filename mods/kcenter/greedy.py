"""Exact k-center greedy (farthest-first traversal) on CPU or CUDA: `kcenter_greedy`.

Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985): pick, again and again,
the row farthest from all rows picked so far. The radius reached is at most twice the best possible.
The selection step of MoDS (Du et al., 2023) and of core-set active learning (Sener & Savarese,
2018). The contract of the picks, down to the order of the float64 operations, is written in
`csrc/canonical.hpp` and `csrc/kcenter.hpp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mods.kcenter.contract import (
    KCenterResult,
    Metric,
    Progress,
    check_first,
    check_initial,
    check_k,
    check_metric,
    check_threads,
    finish,
)
from mods.kcenter.rows import CudaRows, HostRows, as_rows, cuda_rows

if TYPE_CHECKING:
    import torch

__all__ = ["build_info", "kcenter_greedy", "run_cuda"]


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
    rows = cuda_rows(x) or as_rows(x)
    n = len(rows.values)
    fixed = check_initial(initial, n)
    k = check_k(k, n - len(fixed))
    start = check_first(first, fixed, seed, n)
    check_metric(metric)
    threads = check_threads(threads)
    index = _choose_device(device, rows.device if isinstance(rows, CudaRows) else None)
    from mods import _core

    if isinstance(rows, HostRows) and index is None:
        indices, radii, _ = _core.kcenter(
            rows.values,
            dtype=rows.dtype,
            k=k,
            initial=fixed,
            first=start,
            metric=metric,
            threads=threads,
            progress=progress,
        )
    else:
        indices, radii, _ = run_cuda(
            rows,
            k=k,
            initial=fixed,
            first=start,
            metric=metric,
            progress=progress,
            device=index or 0,
        )
    return finish(indices, radii, k)


def build_info() -> dict[str, Any]:
    """Tell what the native core was built with and what it uses here (for `mods doctor`).

    Keys: `isa_compiled`, `isa_available` (best first), `isa_chosen` (after `MODS_ISA`), `cuda`
    (built in or not), `cuda_architectures`, `cuda_compiler`, `cuda_devices` (name, capability,
    multiprocessors, memory_bytes of each), `cuda_missing` (why there is none).
    """
    from mods import _core

    return _core.build_info()


def run_cuda(
    rows: HostRows | CudaRows,
    *,
    k: int,
    initial: NDArray[np.int64],
    first: int,
    metric: str,
    progress: Progress | None,
    device: int,
    method: str = "auto",
) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]:
    """Call the CUDA core; returns indices, radii and what the work cost (checked arguments)."""
    from mods import _core

    if isinstance(rows, HostRows):
        source, dtype, stream = rows.values, rows.dtype, 0
    else:  # DLPack calls the default stream 1
        source, dtype, stream = rows.values.__dlpack__(stream=rows.stream or 1), "", rows.stream
    return _core.kcenter_cuda(
        source,
        dtype=dtype,
        k=k,
        initial=initial,
        first=first,
        metric=metric,
        progress=progress,
        device=device,
        stream=stream,
        method=method,
    )


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

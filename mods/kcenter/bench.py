"""Measure k-center greedy on the user's own machine and data: `mods bench kcenter`."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    CoreResult = tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]

__all__ = [
    "KCenterBench",
    "bench_kcenter",
    "format_kcenter",
    "machine_line",
    "numpy_loop",
    "run_core",
    "synthetic_embeddings",
]

_T = TypeVar("_T")
_BASELINE_STEPS = 20  # brute force and NumPy cost the same at every pick: a few are enough


@dataclass(frozen=True)
class KCenterBench:
    """One measurement; times are medians in seconds, all taken in one process on one array.

    Attributes:
        machine: processor, cores, instruction set and the NumPy version.
        rows, dim, dtype, k, threads, repeats: what was run.
        seconds: `kcenter_greedy` from start to end, preparation included.
        stream_seconds: rows * dim * itemsize * k at the read bandwidth measured here, the least
            that any brute force can take.
        brute_seconds: our fused brute force in float64 (measured over a few picks, times k).
        numpy_seconds: a tidy NumPy loop, X @ c with cached norms (likewise).
        read_bandwidth: bytes per second.
        dot_rate, dot_peak: multiply-adds per second of the bound kernel and of its dot instruction
            alone (0 where there is none).
        method, share_bounded, share_refined: how it was done; shares of the rows * k pairs.
        peak_bytes: memory taken by the core; `bound_bytes` = rows * dim + 64 * rows.
        radius: covering radius reached.
        checked: whether the picks equal those of brute force (over the picks that it made).
    """

    machine: str
    rows: int
    dim: int
    dtype: str
    k: int
    threads: int
    repeats: int
    seconds: float
    stream_seconds: float
    brute_seconds: float
    numpy_seconds: float
    read_bandwidth: float
    dot_rate: float
    dot_peak: float
    method: str
    share_bounded: float
    share_refined: float
    peak_bytes: int
    bound_bytes: int
    radius: float
    checked: bool


def synthetic_embeddings(rows: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    """Return (rows, dim) float32 unit rows with the structure of sentence embeddings.

    Clusters of very different sizes, a spectrum that decays, and 10 % exact duplicates.
    """
    rng = np.random.default_rng(seed)
    spectrum = (np.arange(1, dim + 1) ** -0.35).astype(np.float32)
    centres = rng.standard_normal((max(rows // 60, 1), dim), np.float32)
    sizes = rng.pareto(1.2, len(centres)) + 0.2
    member = rng.choice(len(centres), size=rows, p=sizes / sizes.sum())
    x = centres[member]
    x += np.float32(0.7) * rng.standard_normal((rows, dim), np.float32)
    x *= spectrum
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    copies = np.flatnonzero(rng.random(rows) < 0.1)
    x[copies] = x[rng.integers(rows, size=len(copies))]
    return x


def machine_line() -> str:
    """Describe this machine in one line, for tables and committed results."""
    from mods import _core
    from mods.kcenter.greedy import build_info

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    cores = _core.usable_threads()
    return f"{name}, {cores} cores, {build_info()['isa_chosen']}, NumPy {np.__version__}"


def run_core(
    x: NDArray[Any],
    k: int,
    *,
    method: str = "auto",
    threads: int = 0,
    progress: Callable[[int, float], object] | None = None,
) -> CoreResult:
    """Pick k rows from the first on, without the checks of `kcenter_greedy`.

    Args:
        x: float32 or float16 of shape (n, d), finite.
        k: in 1..n.
        method: `auto`, `lazy`, `from_disk` or `brute`.
        threads: 0 takes all that may be used.
        progress: called about ten times a second with (rows picked, covering radius).

    Returns:
        Picks (k, int64), radii (k, float32), and what the work cost.
    """
    from mods import _core

    return _core.kcenter(
        x,
        dtype=x.dtype.name,
        k=k,
        initial=np.empty(0, np.int64),
        first=0,
        metric="euclidean",
        threads=threads,
        progress=progress,
        method=method,
    )


def bench_kcenter(
    embeddings: NDArray[np.float32] | None = None,
    rows: int = 75_000,
    dim: int = 384,
    k: int = 1000,
    *,
    threads: int = 0,
    repeats: int = 3,
) -> KCenterBench:
    """Time `kcenter_greedy` and its baselines on `embeddings`, or on synthetic (rows, dim) ones.

    Args:
        embeddings: (n, d) float32 or float16 array; None makes a synthetic one.
        rows: rows of the synthetic set.
        dim: dimensions of the synthetic set.
        k: rows to pick.
        threads: CPU threads; 0 takes all that may be used.
        repeats: runs of each, of which the median counts.

    Raises:
        ValueError: what `kcenter_greedy` refuses, such as k > n or values that are not finite.
    """
    from mods import _core
    from mods.kcenter.greedy import kcenter_greedy

    if repeats < 1:
        raise ValueError(f"repeats = {repeats} must be positive")
    available = rows if embeddings is None else len(np.atleast_1d(embeddings))
    if not 1 <= k <= available:
        raise ValueError(f"k = {k} is outside 1..{available}, the number of rows")
    x = synthetic_embeddings(rows, dim) if embeddings is None else embeddings
    kcenter_greedy(x, 1, first=0, device="cpu", threads=threads)  # refuses what cannot be used
    n, d = x.shape
    steps = min(k, _BASELINE_STEPS)

    def run(count: int, method: str) -> CoreResult:
        return run_core(x, count, method=method, threads=threads)

    bandwidth = max(_core.read_bandwidth(np.ascontiguousarray(x), threads) for _ in range(5))
    seconds, (picks, radii, statistics) = _median_time(lambda: run(k, "auto"), repeats)
    brute, (expected, _, _) = _median_time(lambda: run(steps, "brute"), repeats)
    numpy_time, _ = _median_time(lambda: numpy_loop(x, steps), repeats)
    dot_rate, dot_peak = _core.dot_rate(d, threads)
    return KCenterBench(
        machine=machine_line(),
        rows=n,
        dim=d,
        dtype=x.dtype.name,
        k=k,
        threads=threads or _core.usable_threads(),
        repeats=repeats,
        seconds=seconds,
        stream_seconds=x.nbytes * k / bandwidth,
        brute_seconds=brute * k / steps,
        numpy_seconds=numpy_time * k / steps,
        read_bandwidth=bandwidth,
        dot_rate=dot_rate,
        dot_peak=dot_peak,
        method=statistics["method"],
        share_bounded=statistics["pairs_bounded"] / n / k,
        share_refined=statistics["pairs_refined"] / n / k,
        peak_bytes=statistics["peak_bytes"],
        bound_bytes=n * d + 64 * n,
        radius=float(radii[-1]),
        checked=bool(np.array_equal(picks[: len(expected)], expected)),
    )


def numpy_loop(x: NDArray[Any], k: int, first: int = 0) -> NDArray[np.int64]:
    """Pick with the loop that a careful NumPy user would write (float32, not exact)."""
    x = np.asarray(x, np.float32)
    norms = np.einsum("ij,ij->i", x, x)
    nearest = np.full(len(x), np.inf, np.float32)
    picks = np.empty(k, np.int64)
    pick = first
    for i in range(k):
        picks[i] = pick
        np.minimum(nearest, norms - 2 * (x @ x[pick]) + norms[pick], out=nearest)
        nearest[pick] = -1
        pick = int(np.argmax(nearest))
    return picks


def format_kcenter(result: KCenterBench) -> str:
    """Lay a result out as a table for the terminal."""
    r = result
    lines = [
        r.machine,
        f"{r.rows} rows x {r.dim} {r.dtype}, k = {r.k}, {r.threads} threads, "
        f"median of {r.repeats}, covering radius {r.radius:.4f}",
        "",
        f"{'':34}{'seconds':>10}{'ratio':>9}",
        f"{'mods.kcenter_greedy (' + r.method + ')':34}{r.seconds:>10.3f}{1:>9.1f}",
    ]
    for name, seconds in (
        (f"reading memory k times, {r.read_bandwidth / 1e9:.0f} GB/s", r.stream_seconds),
        ("fused brute force, float64", r.brute_seconds),
        ("NumPy loop", r.numpy_seconds),
    ):
        lines.append(f"{name:34}{seconds:>10.3f}{seconds / r.seconds:>9.1f}")
    lines += [
        "",
        f"pairs bounded {100 * r.share_bounded:.1f} %, refined in float64 "
        f"{100 * r.share_refined:.2f} %; memory {r.peak_bytes / 1e6:.0f} MB",
        f"bound kernel {r.dot_rate / 1e9:.0f} G multiply-adds/s"
        + (f" ({100 * r.dot_rate / r.dot_peak:.0f} % of peak)" if r.dot_peak else ""),
        "picks equal brute force" if r.checked else "PICKS DIFFER from brute force: please report",
    ]
    return "\n".join(lines)


def _median_time(work: Callable[[], _T], repeats: int) -> tuple[float, _T]:
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result

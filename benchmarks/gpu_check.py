"""Checks and measures the CUDA core on the GPU at hand; writes benchmarks/results/<device>.json.

Usage: python -m benchmarks.gpu_check           sanitizers on a small case, then the benchmarks
       python -m benchmarks.gpu_check --small     the small case alone (what the sanitizers run)
       python -m benchmarks.gpu_check --no-sanitizers

Every time is a median of repeats in this process; bandwidth is that of a device copy measured in
the same run. The naive limit of a case is the time to read every row once for every centre. Answers
are checked: picks must equal the CPU core's (all of them where that takes seconds, else a prefix).
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mods import _core
from mods.kcenter.greedy import build_info, run_cuda
from mods.kcenter.rows import as_rows, cuda_rows

RESULTS = Path(__file__).parent / "results"
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
DEFAULTS: dict[str, Any] = {
    "initial": np.empty(0, np.int64),
    "first": 0,
    "metric": "euclidean",
    "progress": None,
}
CASES = {  # name: (n, d, k, rows in host memory, repeats, picks compared with the CPU core)
    "75k x 384, k = 1000": (75_000, 384, 1000, False, 7, 1000),
    "1M x 768, k = 1000": (1_000_000, 768, 1000, False, 5, 50),
    "1M x 768, k = 10k": (1_000_000, 768, 10_000, False, 5, 50),
    "1M x 768, k = 100k": (1_000_000, 768, 100_000, False, 3, 50),
    "1M x 768, k = 10k, host rows": (1_000_000, 768, 10_000, True, 3, 50),
}


def small_case() -> None:
    """All kernels, in seconds even under a sanitizer; only NumPy, so that reports are ours."""
    rng = np.random.default_rng(0)
    clusters = rng.standard_normal((40, 160))
    x = (clusters[rng.integers(40, size=2600)] + 0.6 * rng.standard_normal((2600, 160))).astype(
        "f4"
    )
    ties = np.tile(np.eye(1200, 64, dtype=np.float32), (2, 1))
    ties[:, 0] = np.arange(2400) % 2
    for rows, k, method in ((x, 600, "lazy"), (x, 20, "brute"), (ties, 60, "lazy")):
        for metric in ("euclidean", "cosine"):
            rows = rows if metric == "euclidean" else rows + np.float32(0.01)
            given = {**DEFAULTS, "dtype": "float32", "k": k, "metric": metric}
            got = _core.kcenter_cuda(rows, **given, device=0, method=method)
            cpu = _core.kcenter(rows, **given, threads=0)
            np.testing.assert_array_equal(got[0], cpu[0])
            np.testing.assert_array_equal(got[1], cpu[1])
    everything = np.eye(1500, dtype=np.float32)  # more rows at one distance than candidates
    given = {**DEFAULTS, "dtype": "float32", "k": 40}
    got = _core.kcenter_cuda(everything, **given, device=0, method="lazy")
    np.testing.assert_array_equal(got[0], np.arange(40))
    print("small case: the picks are the CPU core's")


def sanitize() -> dict[str, str]:
    """The last line of every compute-sanitizer tool; fails on any report."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        sys.exit("compute-sanitizer is not on PATH (it comes with the CUDA toolkit)")
    verdicts = {}
    for tool in TOOLS:
        command = [program, "--tool", tool, "--error-exitcode", "7", sys.executable, __file__]
        done = subprocess.run([*command, "--small"], capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if "SUMMARY" in line]
        verdicts[tool] = lines[-1].strip("= ") if lines else f"exit code {done.returncode}"
        print(f"{tool}: {verdicts[tool]}", flush=True)
        if done.returncode:
            sys.exit(done.stdout[-4000:] + done.stderr[-2000:])
    return verdicts


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    import torch

    times = []
    for _ in range(repeats + 1):  # the first warms up
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def make_rows(n: int, d: int) -> Any:
    """Unit rows around n / 40 directions with a sixth of exact copies, on the device."""
    import torch

    generator = torch.Generator("cuda").manual_seed(n + d)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device="cuda", generator=generator)

    def index(count: int, size: int) -> torch.Tensor:
        return torch.randint(count, (size,), device="cuda", generator=generator)

    x = normal(n // 40, d)[index(n // 40, n)]
    for part in x.split(100_000):
        part += 0.6 * normal(*part.shape)
        part /= part.norm(dim=1, keepdim=True)
    copies = index(n, n // 6)
    x[copies] = x[index(n, n // 6)]
    return x


def copy_bandwidth() -> float:
    """Bytes per second, read and written, of a device copy of 2 GiB."""
    import torch

    source = torch.empty(2 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() / median_seconds(lambda: target.copy_(source), 20)


def upload_seconds(x: Any) -> float:
    """Time to copy rows from ordinary host memory to the device."""
    import torch

    target = torch.empty_like(x, device="cuda")
    return median_seconds(lambda: target.copy_(x), 3)


def torch_step_seconds(x: Any) -> float:
    """One step of brute force in torch: distances to a centre, minimum, argmax."""
    import torch

    norms = (x * x).sum(1)
    nearest = torch.full((len(x),), float("inf"), device="cuda")

    def step() -> None:
        c = torch.argmax(nearest)
        distance = norms + norms[c] - 2 * (x @ x[c])
        torch.minimum(nearest, distance, out=nearest)

    return median_seconds(lambda: [step() for _ in range(20)], 5) / 20


def cupy_step_seconds(x: Any) -> float | None:
    """The same in CuPy, where it is installed."""
    try:
        import cupy
    except ImportError:
        return None
    rows = cupy.from_dlpack(x)
    norms = (rows * rows).sum(1)
    nearest = cupy.full(len(rows), cupy.inf, cupy.float32)

    def step() -> None:
        c = cupy.argmax(nearest)
        cupy.minimum(nearest, norms + norms[c] - 2 * (rows @ rows[c]), out=nearest)

    return median_seconds(lambda: [step() for _ in range(20)], 5) / 20


def run_case(name: str, bandwidth: float) -> dict[str, Any]:
    n, d, k, on_host, repeats, compared = CASES[name]
    x = make_rows(n, d)
    host = x.cpu()
    rows = host if on_host else x
    last: list[Any] = []

    def call() -> None:
        source = as_rows(rows) if on_host else cuda_rows(rows)
        assert source is not None
        last[:] = run_cuda(source, k=k, device=0, **DEFAULTS)

    seconds = median_seconds(call, repeats)
    picks, _, numbers = last
    start = time.perf_counter()
    cpu = _core.kcenter(host.numpy(), dtype="float32", k=compared, threads=2, **DEFAULTS)
    cpu_seconds = time.perf_counter() - start
    np.testing.assert_array_equal(picks[:compared], cpu[0])
    naive = n * d * 4 * k / bandwidth
    bounded = numbers["pairs_bounded"]
    entry: dict[str, Any] = {
        "seconds": seconds,
        "naive_limit_seconds": naive,
        "times_below_naive_limit": naive / seconds,
        "share_bounded": bounded / (n * k),
        "share_refined": numbers["pairs_refined"] / (n * k),
        "refills": numbers["refills"],
        "peak_bytes": numbers["peak_bytes"],
        "phases": {p: numbers[f"seconds_{p}"] for p in ("prepare", "refill", "pick")},
        "prepare_bytes_per_second": n * d * 9 / max(numbers["seconds_prepare"], 1e-9),
        "bound_operations_per_second": 2 * bounded * d / max(numbers["seconds_refill"], 1e-9),
        "microseconds_per_pick": 1e6 * numbers["seconds_pick"] / k,
    }
    if compared == k:
        entry |= {"cpu_2_threads_seconds": cpu_seconds, "times_cpu": cpu_seconds / seconds}
    if on_host:
        entry["upload_seconds"] = upload_seconds(host)
    else:
        entry["torch_brute_seconds"] = torch_step_seconds(x) * k
        cupy = cupy_step_seconds(x)
        entry["cupy_brute_seconds"] = None if cupy is None else cupy * k
    return entry


def goals(cases: dict[str, dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    def times(name: str, key: str = "times_below_naive_limit") -> float:
        return float(cases[name][key])

    host, device = cases["1M x 768, k = 10k, host rows"], cases["1M x 768, k = 10k"]
    yield "1M x 768, k = 10k: 20x below the naive limit", times("1M x 768, k = 10k") >= 20
    yield "1M x 768, k = 100k: 60x below", times("1M x 768, k = 100k") >= 60
    yield "75k x 384, k = 1000: 5x the CPU core", times("75k x 384, k = 1000", "times_cpu") >= 5
    allowed = 1.5 * (host["upload_seconds"] + device["seconds"])
    yield "host rows: within 1.5x of copy + device", host["seconds"] <= allowed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="only the small case")
    parser.add_argument("--no-sanitizers", action="store_true", help="only the benchmarks")
    arguments = parser.parse_args()
    if _core.cuda_device_count() == 0:
        sys.exit(f"no CUDA device can be used: {_core.why_no_cuda_device()}")
    small_case()
    if arguments.small:
        return
    report: dict[str, Any] = {"device": build_info()["cuda_devices"][0]}
    report |= {"build": build_info()["cuda_compiler"], "host": platform.machine()}
    if not arguments.no_sanitizers:
        report["sanitizers"] = sanitize()
    report["copy_bytes_per_second"] = bandwidth = copy_bandwidth()
    report["cases"] = {}
    for name in CASES:
        report["cases"][name] = entry = run_case(name, bandwidth)
        print(f"{name}: {entry['seconds']:.4f} s, {entry['times_below_naive_limit']:.1f}x below "
              f"the naive limit, phases {entry['phases']}", flush=True)  # fmt: skip
    report["goals"] = dict(goals(report["cases"]))
    RESULTS.mkdir(exist_ok=True)
    name = report["device"]["name"].lower().replace(" ", "-")
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    for goal, reached in report["goals"].items():
        print("reached" if reached else "MISSED ", goal)
    sys.exit(0 if all(report["goals"].values()) else 1)


if __name__ == "__main__":
    main()

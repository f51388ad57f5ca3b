"""Measure all cases in one process and write benchmarks/results/NAME.json.

    python -m benchmarks.record NAME [--quick]

For each case, in one process on one array: read bandwidth, our picks with all threads and with
one, and every baseline over a few picks, five rounds interleaved so that a drift of the machine
meets all alike. Medians and their ratios go into the file, with the machine line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import fused_brute, installed_peers
from benchmarks.vectors import embeddings, gaussian, jittered
from mods import _core
from mods.bench import machine_line

ROUNDS = 5
BASELINE_PICKS = 8
PAUSE = 0.5  # seconds: threads of NumPy and torch spin a while after their last call
CASES: list[tuple[str, list[int]]] = [
    ("real_mean", [100, 500, 1000, 2000, 4000, 8000]),
    ("real_cls", [1000, 8000]),
    ("real_cat", [1000, 8000]),
    ("gauss 50000x384", [1000, 5000]),
    ("gauss 50000x1024", [1000, 5000]),
    ("jittered 1000000x384", [1000, 10000]),
]


def load(name: str) -> tuple[str, np.ndarray]:
    kind, _, shape = name.partition(" ")
    if not shape:
        return embeddings(name)
    n, d = map(int, shape.split("x"))
    return name, gaussian(n, d) if kind == "gauss" else jittered(n)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def ours(x: np.ndarray, k: int, threads: int) -> tuple[Any, Any, dict[str, Any]]:
    no_centre = np.empty(0, np.int64)
    return _core.kcenter(x, x.dtype.name, k, no_centre, 0, "euclidean", threads, None)


def measure(label: str, x: np.ndarray, k: int, rounds: int) -> dict[str, Any]:
    n, d = x.shape
    peers = {} if n > 500_000 else installed_peers()
    if n > 500_000:
        peers = {"fused brute float64": fused_brute}
    seconds: dict[str, list[float]] = {name: [] for name in ("mods", "mods 1 thread", *peers)}
    bandwidth = []
    for _ in range(rounds):
        time.sleep(PAUSE)
        bandwidth.append(max(_core.read_bandwidth(x) for _ in range(3)))
        time_all, (picks, radii, statistics) = timed(lambda: ours(x, k, 0))
        time_one, _ = timed(lambda: ours(x, k, 1))
        seconds["mods"].append(time_all)
        seconds["mods 1 thread"].append(time_one)
        for name, work in peers.items():
            duration, found = timed(lambda work=work: work(x, BASELINE_PICKS))
            seconds[name].append(duration * k / BASELINE_PICKS)
            if name == "fused brute float64":
                np.testing.assert_array_equal(found, picks[:BASELINE_PICKS])
    expected = fused_brute(x, min(k, 300))
    np.testing.assert_array_equal(picks[: len(expected)], expected)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    median["STREAM"] = x.nbytes * k / float(np.median(bandwidth))
    return {
        "data": label,
        "rows": n,
        "dim": d,
        "k": k,
        "read_GB_per_s": float(np.median(bandwidth)) / 1e9,
        "seconds": median,
        "ratio": {name: value / median["mods"] for name, value in median.items()},
        "share_bounded": statistics["pairs_bounded"] / n / k,
        "share_refined": statistics["pairs_refined"] / n / k,
        "peak_bytes": statistics["peak_bytes"],
        "bound_bytes": n * d + 64 * n,
        "radius": float(radii[-1]),
        "picks_checked_against_brute_force": len(expected),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--quick", action="store_true", help="one round, no large cases")
    options = parser.parse_args()
    results = []
    for name, ks in CASES:
        if options.quick and name.startswith("jittered"):
            continue
        label, x = load(name)
        for k in ks:
            results.append(measure(label, x, k, 1 if options.quick else ROUNDS))
            ratios = {key: round(value, 1) for key, value in results[-1]["ratio"].items()}
            print(label, k, f"{results[-1]['seconds']['mods']:.3f} s", ratios, flush=True)
    rates = {d: _core.dot_rate(d) for d in (384, 768)}
    report = {
        "machine": machine_line(),
        "rounds": 1 if options.quick else ROUNDS,
        "baseline_picks": BASELINE_PICKS,
        "bound_kernel": {
            str(d): {"multiply_adds_per_s": rate, "share_of_peak": rate / peak if peak else None}
            for d, (rate, peak) in rates.items()
        },
        "cases": results,
    }
    path = Path(__file__).parent / "results" / f"{options.name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()

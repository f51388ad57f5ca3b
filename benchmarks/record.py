"""Measure all cases in one process and write benchmarks/results/NAME.json.

    python -m benchmarks.record NAME [--quick]

For each case, in one process on one array, after a warm-up: read bandwidth, our picks with all
threads and with one, and every baseline over a few picks. Five rounds over all cases, so that a
busy minute of the machine meets one round of each and not one case. Medians and their ratios go
into the file, with the machine line. Our short calls take less time than a hiccup of the machine:
they are repeated for a second, with all threads and with one in turn, before the baselines and
again after them, and the median of each second counts as one measurement. All cases of an array
share the read bandwidth, which drifts. What more threads can bring on this machine is measured
beside, in the same rounds: the gain in read bandwidth and in pure arithmetic. The gain of our
fastest calls tells what the medians owe to the machine's neighbours.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import fused_brute, installed_peers
from benchmarks.vectors import embeddings, gaussian, jittered
from mods import _core
from mods.kcenter.bench import machine_line, run_core

ROUNDS = 5
BASELINE_PICKS = 8
REPEAT = 1.0  # seconds, for short calls
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


def load_cases(large: bool) -> list[Case]:
    cases = []
    for name, ks in CASES:
        if large or not name.startswith("jittered"):
            label, x = load(name)
            bandwidth: list[tuple[float, float]] = []
            cases += [Case(label, x, k, bandwidth) for k in ks]
    return cases


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


class Case:
    """One array and k: what was measured in each round."""

    def __init__(
        self, label: str, x: np.ndarray, k: int, bandwidth: list[tuple[float, float]]
    ) -> None:
        self.label, self.x, self.k = label, x, k
        large = len(x) > 500_000
        self.peers = {"fused brute float64": fused_brute} if large else installed_peers()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.bandwidth = bandwidth  # of the array, so of all its cases
        self.arithmetic_gain: list[float] = []
        self.fastest: dict[str, float] = defaultdict(lambda: np.inf)

    def measure_once(self) -> None:
        x, k = self.x, self.k
        time.sleep(PAUSE)
        run_core(x, k, threads=0)  # warms up, as the repetitions do for the baselines
        one, every = (max(_core.read_bandwidth(x, threads) for _ in range(3)) for threads in (1, 0))
        self.bandwidth.append((one, every))
        self.measure_ours()
        self.arithmetic_gain.append(
            _core.dot_rate(x.shape[1])[0] / _core.dot_rate(x.shape[1], 1)[0]
        )
        for name, work in self.peers.items():
            duration, found = timed(lambda work=work: work(x, BASELINE_PICKS))
            self.seconds[name].append(duration * k / BASELINE_PICKS)
            if name == "fused brute float64":
                np.testing.assert_array_equal(found, self.picks[:BASELINE_PICKS])
        time.sleep(PAUSE)
        self.measure_ours()

    def measure_ours(self) -> None:
        x, k = self.x, self.k
        one: list[float] = []
        all_threads: list[float] = []
        while sum(one) + sum(all_threads) < REPEAT:
            duration, (self.picks, self.radii, self.statistics) = timed(
                lambda: run_core(x, k, threads=0)
            )
            all_threads.append(duration)
            one.append(timed(lambda: run_core(x, k, threads=1))[0])
        for name, durations in (("mods", all_threads), ("mods 1 thread", one)):
            self.seconds[name].append(float(np.median(durations)))
            self.fastest[name] = min(self.fastest[name], *durations)


def summary(case: Case) -> dict[str, Any]:
    (n, d), k = case.x.shape, case.k
    expected = fused_brute(case.x, min(k, 300))
    np.testing.assert_array_equal(case.picks[: len(expected)], expected)
    median = {name: float(np.median(values)) for name, values in case.seconds.items()}
    bandwidth_1, bandwidth = (float(value) for value in np.median(case.bandwidth, axis=0))
    median["STREAM"] = case.x.nbytes * k / bandwidth
    return {
        "data": case.label,
        "rows": n,
        "dim": d,
        "k": k,
        "read_GB_per_s": bandwidth / 1e9,
        "gain_of_threads": {
            "ours": median["mods 1 thread"] / median["mods"],
            "ours, fastest calls": case.fastest["mods 1 thread"] / case.fastest["mods"],
            "arithmetic": float(np.median(case.arithmetic_gain)),
            "read bandwidth": bandwidth / bandwidth_1,
        },
        "seconds": median,
        "ratio": {name: value / median["mods"] for name, value in median.items()},
        "share_bounded": case.statistics["pairs_bounded"] / n / k,
        "share_refined": case.statistics["pairs_refined"] / n / k,
        "peak_bytes": case.statistics["peak_bytes"],
        "bound_bytes": n * d + 64 * n,
        "radius": float(case.radii[-1]),
        "picks_checked_against_brute_force": len(expected),
    }


def bound_kernel(d: int) -> dict[str, float | None]:
    """Best of a few, all threads."""
    rate, peak = np.max([_core.dot_rate(d) for _ in range(ROUNDS)], axis=0)
    return {
        "multiply_adds_per_s": rate,
        "share_of_peak": rate / peak if peak else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--quick", action="store_true", help="one round, no large cases")
    options = parser.parse_args()
    cases = load_cases(large=not options.quick)
    rounds = 1 if options.quick else ROUNDS
    for number in range(rounds):
        for case in cases:
            case.measure_once()
            print(number, case.label, case.k, f"{case.seconds['mods'][-1]:.3f} s", flush=True)
    results = [summary(case) for case in cases]
    for result in results:
        ratios = {key: round(value, 1) for key, value in result["ratio"].items()}
        print(result["data"], result["k"], f"{result['seconds']['mods']:.3f} s", ratios)
    report = {
        "machine": machine_line(),
        "rounds": rounds,
        "baseline_picks": BASELINE_PICKS,
        "bound_kernel": {str(d): bound_kernel(d) for d in (384, 768)},
        "cases": results,
    }
    path = Path(__file__).parent / "results" / f"{options.name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()

"""The picks equal the NumPy oracle's on every input, instruction set, method and thread count."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

from mods import _core, kcenter
from mods.kcenter import EarlyStopWarning, kcenter_greedy, kcenter_oracle

ISAS = _core.build_info()["isa_available"]
RNG = np.random.default_rng


def clustered(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Unit rows around a few centres, 16 % of them exact duplicates, like sentence embeddings."""
    rng = RNG(seed)
    centres = rng.standard_normal((max(n // 40, 2), d))
    x = centres[rng.integers(len(centres), size=n)] + 0.6 * rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    copies = rng.random(n) < 0.16
    x[copies] = x[rng.integers(n, size=int(copies.sum()))]
    return x.astype(np.float32)


def outlier_dimension() -> np.ndarray:
    x = clustered(1500, 64, 3)
    x[:, 7] *= 300
    return x


def two_scales() -> np.ndarray:
    x = clustered(900, 48, 4)
    x[:300] *= 1e-4
    x[300:320] *= 1e4
    return x


# name: (rows, k); each stresses another part of the algorithm
INPUTS: dict[str, tuple[Any, int]] = {
    "clustered": (lambda: clustered(3000, 96), 700),
    "clustered d=100": (lambda: clustered(1200, 100, 1), 1000),
    "gauss": (lambda: RNG(2).standard_normal((2500, 128), np.float32), 500),
    "grid 0/1": (lambda: RNG(3).integers(0, 2, (1500, 12)).astype(np.float32), 400),
    "grid 0..3": (lambda: RNG(4).integers(0, 4, (2000, 24)).astype(np.float32), 900),
    "one-hot": (lambda: np.eye(700, dtype=np.float32), 650),
    "outlier dimension": (outlier_dimension, 600),
    "two scales": (two_scales, 500),
    "shift": (lambda: clustered(1500, 80, 5) + np.float32(100), 500),
    "x1e-3": (lambda: clustered(1500, 80, 6) * np.float32(1e-3), 500),
    "x1e6": (lambda: clustered(1500, 80, 7) * np.float32(1e6), 500),
    "x1e30": (lambda: clustered(600, 32, 7) * np.float32(1e30), 200),
    "x1e-30": (lambda: clustered(600, 32, 7) * np.float32(1e-30), 200),
    "d=1": (lambda: RNG(8).standard_normal((1500, 1)).astype(np.float32), 300),
    "d=3": (lambda: RNG(9).standard_normal((1500, 3)).astype(np.float32), 300),
    "d=17": (lambda: RNG(9).standard_normal((1500, 17)).astype(np.float32), 300),
    "d=4096": (lambda: RNG(10).standard_normal((150, 4096), np.float32), 140),
    "k=n": (lambda: RNG(11).standard_normal((400, 20)).astype(np.float32), 400),
}


def run(x: np.ndarray, k: int, **options: Any) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Call the core directly, to force a method or an instruction set."""
    defaults: dict[str, Any] = {
        "initial": np.empty(0, np.int64),
        "first": 0,
        "metric": "euclidean",
        "threads": 2,
        "progress": None,
    }
    return _core.kcenter(x, x.dtype.name, k, **{**defaults, **options})


@pytest.mark.parametrize("name", INPUTS)
def test_every_path_returns_the_oracle_picks(name: str) -> None:
    make, k = INPUTS[name]
    x = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EarlyStopWarning)
        expected = kcenter_oracle(x, k, first=0)
    for isa in ISAS:
        for method, threads in (("lazy", 1), ("lazy", 2), ("late", 2), ("brute", 2)):
            indices, radii, _ = run(x, k, isa=isa, method=method, threads=threads)
            label = f"{name}: {isa} {method} {threads} threads"
            np.testing.assert_array_equal(indices, expected.indices, label)
            np.testing.assert_array_equal(radii, expected.radii, label)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dtypes_and_metrics_agree_with_the_oracle(isa: str, metric: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(3 * clustered(2500, 70)).to(getattr(torch, dtype))
    expected = kcenter_oracle(x, 200, metric=metric, seed=1)
    np.testing.assert_array_equal(
        kcenter_greedy(x, 200, metric=metric, seed=1).indices, expected[0]
    )
    stored = kcenter._as_rows(x)
    for method in ("lazy", "brute"):
        indices, radii, _ = _core.kcenter(
            stored.values,
            dtype,
            200,
            np.empty(0, np.int64),
            int(expected.indices[0]),
            metric,
            2,
            None,
            isa,
            method,
        )
        np.testing.assert_array_equal(indices, expected.indices)
        np.testing.assert_array_equal(radii, expected.radii)


def test_half_precision_extremes_are_widened_exactly() -> None:
    bits = np.arange(0x7C00, dtype=np.uint16)  # all finite magnitudes, subnormals included
    x = np.concatenate([bits, bits | 0x8000])[RNG(0).permutation(2 * 0x7C00)][: 16 * 3000]
    x = x.view(np.float16).reshape(-1, 16)
    expected = kcenter_oracle(x, 40, first=5)
    for isa in ISAS:
        np.testing.assert_array_equal(run(x, 40, first=5, isa=isa)[0], expected.indices)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("method", ["lazy", "late", "brute"])
def test_warm_start_continues_from_the_fixed_centres(isa: str, method: str) -> None:
    x = clustered(4000, 64, 12)
    fixed = RNG(1).permutation(4000)[:1500].astype(np.int64)
    expected = kcenter_oracle(x, 300, initial=fixed)
    indices, radii, _ = run(x, 300, initial=fixed, isa=isa, method=method)
    np.testing.assert_array_equal(indices, expected.indices)
    np.testing.assert_array_equal(radii, expected.radii)
    assert not set(indices) & set(fixed)
    # split in two runs: picks of the first become fixed centres of the second
    whole = kcenter_greedy(x, 200, first=7).indices
    second = kcenter_greedy(x, 100, initial=whole[:100]).indices
    np.testing.assert_array_equal(second, whole[100:])


def test_radius_is_the_distance_of_the_farthest_row() -> None:
    x = clustered(500, 24)
    indices, radii = kcenter_greedy(x, 40, first=3)
    for i in (0, 17, 39):
        gaps = np.linalg.norm(x[:, None].astype(np.float64) - x[indices[: i + 1]], axis=2).min(1)
        assert radii[i] == pytest.approx(gaps.max(), rel=1e-6)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    indices, radii = kcenter_greedy(2 * x, 40, first=3, metric="cosine")
    assert radii[39] == pytest.approx(1 - (unit @ unit[indices].T).max(1).min(), rel=1e-4)


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_copies_of_centres_are_never_picked(method: str) -> None:
    x = np.repeat(clustered(50, 32, 2), 60, axis=0)
    distinct = len(np.unique(x, axis=0))
    indices, radii, _ = run(x, 400, method=method)
    assert len(indices) == distinct
    assert radii[-1] == 0
    with pytest.warns(EarlyStopWarning, match=f"picked {distinct} of 400"):
        assert len(kcenter_greedy(x, 400).indices) == distinct
    with pytest.warns(EarlyStopWarning, match="picked 1 of 3"):
        assert list(kcenter_greedy(np.ones((9, 4), np.float32), 3, first=4).indices) == [4]


def test_one_row() -> None:
    indices, radii = kcenter_greedy(np.ones((1, 5), np.float32), 1)
    assert list(indices) == [0]
    assert list(radii) == [0]


def test_views_are_read_in_place() -> None:
    base = clustered(6000, 120, 8)
    for view in (base[::2], base[:, 8:72], base[::-1], base[:, ::3], base.T[:100].copy(order="F")):
        expected = kcenter_oracle(np.ascontiguousarray(view), 60, first=2)
        np.testing.assert_array_equal(kcenter_greedy(view, 60, first=2).indices, expected.indices)
    for view in (base[::2], base[:, 8:72], base[::-1]):
        expected = kcenter_oracle(view, 60, first=0)
        np.testing.assert_array_equal(run(view, 60, method="late")[0], expected.indices)
    strided = base[::2, 8:72]
    assert kcenter._as_rows(strided).values is strided


def test_memory_mapped_rows(tmp_path: Any) -> None:
    x = clustered(4000, 64, 9).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = kcenter_oracle(x, 100)
    np.testing.assert_array_equal(kcenter_greedy(mapped, 100).indices, expected.indices)


def test_rows_on_a_disk_are_seldom_read_again() -> None:
    x = RNG(0).standard_normal((20000, 64), np.float32)
    in_memory, on_disk = (run(x, 2500, method=method)[2] for method in ("lazy", "late"))
    assert on_disk["rows_read"] < 0.5 * in_memory["rows_read"]
    assert on_disk["rows_read"] < len(x)


def test_memory_stays_within_the_stated_bound() -> None:
    n, d, k = 20000, 256, 300
    _, _, statistics = run(clustered(n, d), k, method="lazy")
    assert statistics["peak_bytes"] <= n * d + 64 * n + 16 * (k + 2000) * d + (1 << 20)
    assert statistics["pairs_bounded"] + statistics["pairs_refined"] <= 1.1 * n * k


BAD_CALLS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "k = 0": (np.ones((4, 2), np.float32), {"k": 0}, "k = 0 is outside 1..4"),
    "k > n": (np.ones((4, 2), np.float32), {"k": 5}, "k = 5 is outside 1..4"),
    "k > n - initial": (np.ones((4, 2), np.float32), {"k": 4, "initial": [1]}, r"k = 4 .* 1\.\.3"),
    "float64": (np.ones((4, 2)), {}, r"float64; use x\.astype\(np\.float32\)"),
    "1-D": (np.ones(4, np.float32), {}, r"2-D .*\(4,\)"),
    "empty": (np.ones((0, 4), np.float32), {}, "rows and columns"),
    "big-endian": (np.ones((4, 2), ">f4"), {}, "byte-swapped"),
    "initial twice": (np.ones((4, 2), np.float32), {"initial": [1, 2, 1]}, "1 more than once"),
    "initial outside": (np.ones((4, 2), np.float32), {"initial": [4]}, r"4, outside 0\.\.3"),
    "initial floats": (np.ones((4, 2), np.float32), {"initial": [0.5]}, "row numbers"),
    "first and initial": (
        np.ones((4, 2), np.float32),
        {"initial": [0], "first": 1},
        "first = 1 cannot be combined",
    ),
    "first outside": (np.ones((4, 2), np.float32), {"first": -1}, "first = -1"),
    "metric": (np.ones((4, 2), np.float32), {"metric": "l1"}, "'l1'"),
    "device": (np.ones((4, 2), np.float32), {"device": "tpu"}, "'tpu'"),
    "threads": (np.ones((4, 2), np.float32), {"threads": -2}, "threads = -2"),
    "many threads": (np.ones((4, 2), np.float32), {"threads": 1025}, r"1025 .* 1\.\.1024"),
    "half a thread": (np.ones((4, 2), np.float32), {"threads": 0.5}, "whole number, got 0.5"),
    "device number": (np.ones((4, 2), np.float32), {"device": 0}, "device must be a text .*got 0"),
    "seed": (np.ones((4, 2), np.float32), {"seed": -1}, "seed = -1"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_mistakes_are_named(name: str) -> None:
    x, options, message = BAD_CALLS[name]
    with pytest.raises(ValueError, match=message):
        kcenter_greedy(x, **{"k": 1, **options})


def test_tensors_without_rows_in_memory_are_named() -> None:
    torch = pytest.importorskip("torch")
    for x, message in (
        (torch.eye(4).to_sparse(), r"sparse.*x\.to_dense\(\)"),
        (torch.ones(4, 2, device="meta"), "meta tensor"),
    ):
        for call in (kcenter_greedy, kcenter_oracle):
            with pytest.raises(ValueError, match=message):
                call(x, 1)


@pytest.mark.parametrize("n", [50, 3000])  # brute and lazy
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_located(n: int, value: float) -> None:
    for row in (0, n - 7):
        x = clustered(n, 33)
        x[row, 20] = value
        x[n - 2, 3] = value
        for call in (kcenter_greedy, kcenter_oracle):
            with pytest.raises(ValueError, match=f"row {row}, column 20 is"):
                call(x, 40, first=n // 2)


@pytest.mark.parametrize("n", [50, 3000])
def test_zero_rows_have_no_cosine(n: int) -> None:
    x = clustered(n, 33)
    x[31] = 0
    for call in (kcenter_greedy, kcenter_oracle):
        with pytest.raises(ValueError, match="row 31 is all zeros"):
            call(x, 40, metric="cosine")


def test_rows_near_the_float32_limit_use_brute_force() -> None:
    x = (clustered(2500, 40) * 3e38).astype(np.float32)
    indices, _, statistics = run(x, 60, method="lazy")
    assert statistics["method"] == "brute"
    np.testing.assert_array_equal(indices, kcenter_oracle(x, 60, first=0).indices)


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_progress_reports_and_can_stop(method: str) -> None:
    x = RNG(0).standard_normal((40000, 128), np.float32)
    seen: list[tuple[int, float]] = []

    def stop(picked: int, radius: float) -> None:
        seen.append((picked, radius))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(x, 20000, method=method, progress=stop)
    assert len(seen) == 1
    assert 0 <= seen[0][0] < 20000


def test_ctrl_c_and_other_threads() -> None:
    """A signal stops the run within a second, and Python threads run meanwhile."""
    code = """
import os, signal, threading, time, numpy as np
from mods.kcenter import kcenter_greedy
signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent may ignore it
x = np.random.default_rng(0).standard_normal((60000, 256), np.float32)
def interrupt():
    time.sleep(0.7)
    print(time.monotonic(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    kcenter_greedy(x, 50000)
except KeyboardInterrupt:
    print(time.monotonic(), len(kcenter_greedy(x[:3000], 50).indices))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    sent, (stopped, count) = done.stdout.split()[0], done.stdout.split()[1:]
    assert float(stopped) - float(sent) < 1.0
    assert count == "50"


def test_environment_forces_an_instruction_set() -> None:
    code = "from mods.kcenter import build_info; print(build_info()['isa_chosen'])"
    for isa in ISAS:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "MODS_ISA": isa},
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == isa
    with pytest.raises(ValueError, match="sse9 is not available here"):
        run(clustered(50, 4), 3, isa="sse9")


def test_importing_does_not_import_torch() -> None:
    code = (
        "import sys, numpy as np; from mods.kcenter import kcenter_greedy; "
        "kcenter_greedy(np.eye(4, dtype=np.float32), 2); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_concurrent_calls_do_not_disturb_each_other() -> None:
    x = clustered(4000, 64, 13)
    expected = kcenter_oracle(x, 150, first=1).indices
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(kcenter_greedy(x, 150, first=1).indices))
        for _ in range(4)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start < 30
    for indices in results:
        np.testing.assert_array_equal(indices, expected)

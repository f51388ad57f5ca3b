"""The CUDA core's own kernel and driver sources, run thread by thread on the CPU.

`emulator/` stands in for the CUDA runtime. What it can find: wrong arithmetic, indices, lists,
barriers, stream order, leaks. What it cannot: memory ordering, and anything about speed. No GPU is
needed; a C++ compiler is.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kcenter_inputs import INPUTS, assert_same, clustered, oracle

from mods.kcenter import KCenterResult

EMULATOR = Path(__file__).parent / "emulator"
FOLDERS = [f"-I{EMULATOR}", f"-I{Path(__file__).parents[2] / 'csrc'}"]
DTYPES = {"float32": 0, "float16": 1, "bfloat16": 2}
METRICS = {"euclidean": 0, "cosine": 1}
METHODS = {"auto": 0, "brute": 1, "lazy": 2}
FLAGS = ["-std=c++17", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-pthread"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
ERRORS = {1: ValueError, 2: MemoryError, 3: KeyboardInterrupt}
Core = Callable[..., tuple[KCenterResult, dict[str, float]]]


class Call(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("n", ctypes.c_int64),
        ("d", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        ("dtype", ctypes.c_int),
        ("metric", ctypes.c_int),
        ("method", ctypes.c_int),
        ("on_device", ctypes.c_int),
        ("k", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("initial_count", ctypes.c_int64),
        ("initial", ctypes.c_void_p),
        ("seed", ctypes.c_uint64),
        ("memory_limit", ctypes.c_uint64),
        ("stop_after", ctypes.c_int64),
    )


def build(folder: Path, candidates: int) -> ctypes.CDLL:
    """Compile the core with small tables, so that small inputs see many refills and chunks."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    library = folder / f"emulated_{candidates}.so"
    sizes = [f"-DMODS_CUDA_CANDIDATES={candidates}", "-DMODS_CUDA_STAGING_BYTES=65536"]
    sources = sorted(EMULATOR.glob("*.cpp"))
    command = [
        compiler,
        *FLAGS,
        *WARNINGS,
        *FOLDERS,
        *sizes,
        *sources,
        "-o",
        library,
    ]
    subprocess.run([str(part) for part in command], check=True)
    return ctypes.CDLL(str(library))


def caller(library: ctypes.CDLL) -> Core:
    library.emulated_message.restype = ctypes.c_char_p
    library.emulated_count.restype = ctypes.c_int64

    def run(
        x: np.ndarray,
        k: int,
        *,
        first: int = 0,
        initial: Any = (),
        dtype: str = "",
        metric: str = "euclidean",
        method: str = "lazy",
        on_device: bool = True,
        seed: int = 1,
        memory: int = 1 << 30,
        stop_after: int = -1,
    ) -> tuple[KCenterResult, dict[str, float]]:
        fixed = np.asarray(initial, np.int64)
        stride = x.strides[0] // x.itemsize
        kind = DTYPES[dtype or x.dtype.name]
        call = Call(
            x.ctypes.data, *x.shape, stride, kind, METRICS[metric], METHODS[method], on_device, k,
            first, len(fixed), fixed.ctypes.data, seed, memory, stop_after,
        )  # fmt: skip
        code = library.emulated_kcenter(ctypes.byref(call))
        if code:
            raise ERRORS.get(code, AssertionError)(library.emulated_message().decode())
        indices = np.empty(library.emulated_count(), np.int64)
        radii = np.empty(len(indices), np.float32)
        numbers = np.zeros(5)
        library.emulated_result(
            *(ctypes.c_void_p(array.ctypes.data) for array in (indices, radii, numbers))
        )
        names = ("pairs_bounded", "pairs_refined", "refills", "peak_bytes", "lazy")
        return KCenterResult(indices, radii), dict(zip(names, numbers, strict=True))

    return run


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    return caller(build(tmp_path_factory.mktemp("emulated"), 128))


@pytest.mark.parametrize("name", INPUTS)
def test_the_lazy_method_returns_the_oracle_picks(core: Core, name: str) -> None:
    make, k = INPUTS[name]
    x = make()
    got, _ = core(x, k)
    assert_same(got, oracle(x, k, first=0))


@pytest.mark.parametrize("name", ["grid 0/1", "two scales", "x1e30", "d=1", "d=4096", "k=n"])
def test_brute_force_returns_the_oracle_picks(core: Core, name: str) -> None:
    make, k = INPUTS[name]
    x = make()[:400]
    k = min(k, 120)
    got, statistics = core(x, k, method="brute")
    assert_same(got, oracle(x, k, first=0))
    assert not statistics["lazy"]


@pytest.mark.parametrize("seed", range(6))
def test_no_schedule_of_threads_and_blocks_changes_the_picks(core: Core, seed: int) -> None:
    x = clustered(900, 160)
    expected = oracle(x, 260, first=3)
    for method, k in (("lazy", 260), ("brute", 12)):
        got, _ = core(x, k, first=3, method=method, seed=seed)
        np.testing.assert_array_equal(got.indices, expected.indices[:k])
        np.testing.assert_array_equal(got.radii, expected.radii[:k])


def test_tables_of_the_shipped_size(tmp_path: Path) -> None:
    run = caller(build(tmp_path, 1024))
    x = clustered(2500, 96)
    got, statistics = run(x, 200)
    assert_same(got, oracle(x, 200, first=0))
    assert statistics["refills"] <= 4


@pytest.mark.parametrize("method", ["lazy", "brute"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_metrics(core: Core, dtype: str, metric: str, method: str) -> None:
    x = 3 * clustered(600, 70)
    if dtype == "bfloat16":
        stored = (x.view(np.uint32) >> 16).astype(np.uint16)
        x = (stored.astype(np.uint32) << 16).view(np.float32)
    else:
        stored = x.astype(dtype)
        x = stored.astype(np.float32)
    k = 120 if method == "lazy" else 12
    got, _ = core(stored, k, dtype=dtype, metric=metric, method=method)
    assert_same(got, oracle(x, k, first=0, metric=metric))


def test_half_precision_extremes_are_widened_exactly(core: Core) -> None:
    bits = np.arange(0x7C00, dtype=np.uint16)
    x = np.concatenate([bits, bits | 0x8000])[np.random.default_rng(0).permutation(2 * 0x7C00)]
    x = x[: 16 * 1000].view(np.float16).reshape(-1, 16)
    got, _ = core(x, 40, first=5)
    assert_same(got, oracle(x, 40, first=5))


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_warm_start(core: Core, method: str) -> None:
    x = clustered(900, 64, 12)
    fixed = np.random.default_rng(1).permutation(900)[:300]
    got, _ = core(x, 40, initial=fixed, method=method)
    assert_same(got, oracle(x, 40, initial=fixed))


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_copies_of_centres_are_never_picked(core: Core, method: str) -> None:
    x = np.repeat(clustered(20, 32, 2), 30, axis=0)
    assert_same(core(x, 100, method=method)[0], oracle(x, 100, first=0))
    ones = np.ones((9, 4), np.float32)
    assert list(core(ones, 3, first=4, method=method)[0].indices) == [4]
    assert len(core(ones, 3, initial=[4, 2], method=method)[0].indices) == 0
    assert list(core(ones[:1], 1, method=method)[0].radii) == [0]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("view", ["dense", "every second row", "columns", "reversed"])
def test_host_rows_are_uploaded_or_read_in_place(core: Core, view: str, dtype: str) -> None:
    base = clustered(1600, 120, 8).astype(dtype)
    x = {
        "dense": base[:, :],
        "every second row": base[::2],
        "columns": base[:, 8:72],
        "reversed": base[::-1],
    }[view]
    expected = oracle(np.ascontiguousarray(x), 60, first=2)
    uploaded, whole = core(x, 60, first=2, on_device=False)
    assert_same(uploaded, expected)
    rows_bytes = x.size * x.itemsize
    limit = int(whole["peak_bytes"]) - rows_bytes // 2  # the sketch fits, the rows do not
    mapped, part = core(x, 60, first=2, on_device=False, memory=limit)
    assert_same(mapped, expected)
    assert part["peak_bytes"] == whole["peak_bytes"] - rows_bytes


def test_every_allocation_may_fail(core: Core) -> None:
    x = clustered(500, 40)
    for method in ("lazy", "brute"):
        needed = int(core(x, 40, method=method)[1]["peak_bytes"]) + x.nbytes
        for memory in range(x.nbytes + 1000, needed - 4, max(1, (needed - x.nbytes) // 25)):
            with pytest.raises(MemoryError, match=r"out of memory: .* for .* device=\"cpu\""):
                core(x, 40, method=method, memory=memory)


@pytest.mark.parametrize("method", ["lazy", "brute"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_values_are_located(core: Core, value: float, method: str) -> None:
    x = clustered(300, 33)
    x[293, 20] = value
    x[298, 3] = value
    for metric in METRICS:
        with pytest.raises(ValueError, match="row 293, column 20 is"):
            core(x, 40, metric=metric, method=method)
    x = clustered(300, 33)
    x[31] = 0
    with pytest.raises(ValueError, match="row 31 is all zeros"):
        core(x, 40, metric="cosine", method=method)


def test_rows_near_the_float32_limit_use_brute_force(core: Core) -> None:
    x = (clustered(500, 40) * 3e38).astype(np.float32)
    got, statistics = core(x, 40)
    assert not statistics["lazy"]
    assert_same(got, oracle(x, 40, first=0))


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_progress_can_stop(core: Core, method: str) -> None:
    x = clustered(1500, 100)
    with pytest.raises(KeyboardInterrupt):
        core(x, 1400, method=method, stop_after=0)

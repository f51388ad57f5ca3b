"""The CUDA core on a device: the picks equal the NumPy oracle's, bit for bit.

Marked `gpu`: skipped without a device, unless MODS_REQUIRE_GPU=1 makes that a failure
(tests/conftest.py). The tests without the marker are those of a machine without a device.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from kcenter_inputs import (
    DEFAULTS,
    INPUTS,
    RNG,
    assert_same,
    clustered,
    oracle,
)
from kcenter_inputs import run_cuda as run

from mods import _core, kcenter
from mods.kcenter import kcenter_greedy
from mods.kcenter.greedy import run_cuda
from mods.kcenter.rows import cuda_rows

# ---- without a device ----------------------------------------------------------------------------


@pytest.mark.skipif(_core.cuda_device_count() > 0, reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_missing_device_is_a_clear_error(device: str) -> None:
    with pytest.raises(ValueError, match=f"'{device}': no CUDA device .* use device=\"cpu\""):
        kcenter_greedy(np.eye(5, dtype=np.float32), 2, device=device)
    if kcenter.build_info()["cuda"]:
        with pytest.raises(ValueError, match="no CUDA device can be used"):
            run(np.eye(5, dtype=np.float32), 2)
    assert len(kcenter_greedy(np.eye(5, dtype=np.float32), 2, device="auto").indices) == 2


def test_build_info_tells_what_was_built() -> None:
    info = kcenter.build_info()
    assert len(info["cuda_devices"]) == _core.cuda_device_count()
    assert bool(info["cuda_missing"]) == (not info["cuda_devices"])
    assert bool(info["cuda_architectures"]) == info["cuda"]


def test_rows_on_the_cpu_stay_there_unless_asked() -> None:
    assert cuda_rows(np.eye(3, dtype=np.float32)) is None
    torch = pytest.importorskip("torch")
    assert cuda_rows(torch.eye(3)) is None


class FakeDeviceArray:
    """Claims to be on cuda:N, as CuPy and JAX arrays do."""

    def __init__(self, device: int, shape: tuple[int, ...] = (4, 2)) -> None:
        self.shape, self.device = shape, device

    def __len__(self) -> int:
        return self.shape[0]

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device


def test_rows_on_a_device_are_not_moved_silently() -> None:
    with pytest.raises(ValueError, match=r"x is on cuda:1; use device=\"auto\""):
        kcenter_greedy(FakeDeviceArray(1), 2, device="cpu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be 2-D"):
        kcenter_greedy(FakeDeviceArray(0, (4, 2, 2)), 2)  # type: ignore[arg-type]
    if _core.cuda_device_count() == 0:
        with pytest.raises(ValueError, match="no CUDA device can be used"):
            kcenter_greedy(FakeDeviceArray(0), 2)  # type: ignore[arg-type]


@pytest.mark.skipif(not kcenter.build_info()["cuda"], reason="built without CUDA")
def test_the_module_needs_no_driver_to_load() -> None:
    listed = subprocess.run(["ldd", _core.__file__], capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs ldd")
    assert "libcuda" not in listed.stdout


@pytest.mark.skipif(not kcenter.build_info()["cuda"], reason="built without CUDA")
def test_a_capsule_is_consumed_once() -> None:
    torch = pytest.importorskip("torch")
    capsule = torch.eye(4).__dlpack__()
    for message in ("no CUDA device|on cuda", "unconsumed"):
        if message == "unconsumed" or _core.cuda_device_count() == 0:
            with pytest.raises(ValueError, match=message):
                _core.kcenter_cuda(capsule, dtype="", k=2, device=0, **DEFAULTS)
        else:
            _core.kcenter_cuda(capsule, dtype="", k=2, device=0, **DEFAULTS)


# ---- on a device ---------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["lazy", "brute"])
@pytest.mark.parametrize("name", INPUTS)
def test_every_input_returns_the_oracle_picks(name: str, method: str) -> None:
    make, k = INPUTS[name]
    x = make()
    assert_same(run(x, k, method=method), oracle(x, k, first=0))


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["lazy", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_tensors_on_the_device(dtype: str, metric: str, method: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(3 * clustered(2500, 70)).to(getattr(torch, dtype))
    expected = oracle(x, 200, metric=metric, seed=1)
    assert_same(kcenter_greedy(x.cuda(), 200, metric=metric, seed=1), expected)
    rows = cuda_rows(x.cuda())
    assert rows is not None
    start = int(expected.indices[0])
    got = run_cuda(
        rows, **{**DEFAULTS, "k": 200, "first": start, "metric": metric}, device=0, method=method
    )
    assert_same(got, expected)


@pytest.mark.gpu
def test_rows_on_the_device_are_not_copied() -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(clustered(40000, 256)).cuda()
    rows = cuda_rows(x)
    assert rows is not None
    _, _, statistics = run_cuda(rows, k=300, device=0, **DEFAULTS)
    sketch = len(x) * (256 + 40) + 1024 * 1024 * 8 + 1400 * 256 * 4 + (1 << 20)
    assert statistics["peak_bytes"] <= sketch


@pytest.mark.gpu
@pytest.mark.parametrize("part", ["[::2]", "[:, 8:72]", "[5:]", "[:, ::3]"])
def test_views_on_the_device(part: str) -> None:
    torch = pytest.importorskip("torch")
    base = clustered(6000, 120, 8)
    view = eval(f"base{part}")
    expected = oracle(np.ascontiguousarray(view), 60, first=2)
    on_device = eval(f"tensor{part}", {"tensor": torch.from_numpy(base).cuda()})
    assert_same(kcenter_greedy(on_device, 60, first=2), expected)
    assert_same(kcenter_greedy(view, 60, first=2, device="cuda"), expected)


@pytest.mark.gpu
def test_the_callers_stream_orders_the_work() -> None:
    torch = pytest.importorskip("torch")
    host = torch.from_numpy(clustered(20000, 256)).pin_memory()
    expected = oracle(host.numpy(), 60, first=1)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        x = torch.full(host.shape, float("nan"), device="cuda")
        torch.cuda._sleep(200_000_000)  # the rows arrive late
        x.copy_(host, non_blocking=True)
        got = kcenter_greedy(x, 60, first=1)
        x.fill_(float("nan"))
    assert_same(got, expected)


@pytest.mark.gpu
def test_memory_left_by_others_does_not_matter() -> None:
    torch = pytest.importorskip("torch")
    x = clustered(3000, 96)
    expected = oracle(x, 300, first=0)
    for poison in (float("nan"), 0.0, -1.0, 1e30):
        torch.full((64 << 20,), poison, device="cuda")
        torch.cuda.synchronize()
        torch.cuda.empty_cache()  # the next cudaMalloc gets these pages
        assert_same(run(x, 300), expected)
        assert_same(run(x, 300, method="brute"), expected)


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_warm_start_and_copies(method: str) -> None:
    x = clustered(3000, 64, 12)
    fixed = RNG(1).permutation(3000)[:700].astype(np.int64)
    assert_same(run(x, 300, method=method, initial=fixed), oracle(x, 300, initial=fixed))
    x = np.repeat(clustered(50, 32, 2), 60, axis=0)
    assert_same(run(x, 400, method=method), oracle(x, 400, first=0))


@pytest.mark.gpu
@pytest.mark.parametrize("n", [50, 3000])
def test_bad_values_are_located(n: int) -> None:
    for value in (np.nan, np.inf):
        x = clustered(n, 33)
        x[n - 7, 20] = value
        with pytest.raises(ValueError, match=f"row {n - 7}, column 20 is"):
            kcenter_greedy(x, 40, first=n // 2, device="cuda")
    x = clustered(n, 33)
    x[31] = 0
    with pytest.raises(ValueError, match="row 31 is all zeros"):
        kcenter_greedy(x, 40, metric="cosine", device="cuda")


@pytest.mark.gpu
def test_larger_problems_equal_the_cpu_core() -> None:
    x = clustered(60000, 384, 5)
    for k in (1000, 6000):
        cpu = kcenter_greedy(x, k, first=0, device="cpu")
        assert_same(kcenter_greedy(x, k, first=0, device="cuda"), cpu)


@pytest.mark.gpu
def test_rows_that_do_not_fit_are_read_from_host_memory() -> None:
    torch = pytest.importorskip("torch")
    x = clustered(60000, 512, 6)
    expected = kcenter_greedy(x, 300, first=0, device="cpu")
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    room = len(x) * (512 + 64) + (40 << 20)  # for the sketch, not for the rows
    hog = torch.empty(free - room, dtype=torch.uint8, device="cuda")
    try:
        indices, radii, statistics = run(x, 300)
    finally:
        del hog
        torch.cuda.empty_cache()
    assert_same((indices, radii), expected)
    assert statistics["peak_bytes"] < x.nbytes


@pytest.mark.gpu
def test_out_of_memory_names_the_way_out() -> None:
    torch = pytest.importorskip("torch")
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    hog = torch.empty(free - (24 << 20), dtype=torch.uint8, device="cuda")
    try:
        with pytest.raises(MemoryError, match=r"MiB for .* device=\"cpu\""):
            run(clustered(60000, 512), 300)
    finally:
        del hog
        torch.cuda.empty_cache()
    assert len(run(clustered(3000, 32), 40)[0]) == 40


@pytest.mark.gpu
def test_a_device_that_is_not_there() -> None:
    count = _core.cuda_device_count()
    with pytest.raises(ValueError, match=rf"'cuda:{count}' is outside cuda:0"):
        kcenter_greedy(np.eye(5, dtype=np.float32), 2, device=f"cuda:{count}")


@pytest.mark.gpu
def test_ctrl_c_stops_within_a_second() -> None:
    code = """
import os, signal, threading, time, numpy as np
from mods.kcenter import kcenter_greedy
signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent may ignore it
x = np.random.default_rng(0).standard_normal((300000, 64), np.float32)
kcenter_greedy(x[:3000], 50, device="cuda")
def interrupt():
    time.sleep(0.7)
    print(time.monotonic(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    kcenter_greedy(x, 290000, device="cuda")
except KeyboardInterrupt:
    print(time.monotonic(), len(kcenter_greedy(x[:3000], 50, device="cuda").indices))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    sent, (stopped, count) = done.stdout.split()[0], done.stdout.split()[1:]
    assert float(stopped) - float(sent) < 1.0
    assert count == "50"


@pytest.mark.gpu
def test_concurrent_calls_do_not_disturb_each_other() -> None:
    x = clustered(4000, 64, 13)
    expected = oracle(x, 150, first=1).indices
    results: list[np.ndarray] = []

    def work() -> None:
        results.append(kcenter_greedy(x, 150, first=1, device="cuda").indices)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for indices in results:
        np.testing.assert_array_equal(indices, expected)

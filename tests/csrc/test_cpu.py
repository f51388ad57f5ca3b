"""The CPU core: on every input and path the picks equal the NumPy oracle's, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from kcenter_inputs import INPUTS, RNG, assert_same, clustered, oracle, run

from mods import _core
from mods.kcenter import kcenter_greedy, kcenter_oracle
from mods.kcenter.rows import as_rows

ISAS = _core.build_info()["isa_available"]


@pytest.mark.parametrize("name", INPUTS)
def test_every_path_returns_the_oracle_picks(name: str) -> None:
    make, k = INPUTS[name]
    x = make()
    expected = oracle(x, k, first=0)
    for isa in ISAS:
        for method, threads in (("lazy", 1), ("lazy", 2), ("from_disk", 2), ("brute", 2)):
            got = run(x, k, isa=isa, method=method, threads=threads)
            assert_same(got, expected, f"{name}: {isa} {method} {threads} threads")


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
    stored = as_rows(x)
    for method in ("lazy", "brute"):
        first = int(expected.indices[0])
        options = {"dtype": dtype, "first": first, "metric": metric, "isa": isa, "method": method}
        assert_same(run(stored.values, 200, **options), expected)


def test_half_precision_extremes_are_widened_exactly() -> None:
    bits = np.arange(0x7C00, dtype=np.uint16)  # all finite magnitudes, subnormals included
    x = np.concatenate([bits, bits | 0x8000])[RNG(0).permutation(2 * 0x7C00)][: 16 * 3000]
    x = x.view(np.float16).reshape(-1, 16)
    expected = kcenter_oracle(x, 40, first=5)
    for isa in ISAS:
        np.testing.assert_array_equal(run(x, 40, first=5, isa=isa)[0], expected.indices)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("method", ["lazy", "from_disk", "brute"])
def test_warm_start_continues_from_the_fixed_centres(isa: str, method: str) -> None:
    x = clustered(4000, 64, 12)
    fixed = RNG(1).permutation(4000)[:1500].astype(np.int64)
    expected = kcenter_oracle(x, 300, initial=fixed)
    indices, radii, _ = run(x, 300, initial=fixed, isa=isa, method=method)
    np.testing.assert_array_equal(indices, expected.indices)
    np.testing.assert_array_equal(radii, expected.radii)
    assert not set(indices) & set(fixed)


@pytest.mark.parametrize("method", ["lazy", "brute"])
def test_copies_of_centres_are_never_picked(method: str) -> None:
    x = np.repeat(clustered(50, 32, 2), 60, axis=0)
    distinct = len(np.unique(x, axis=0))
    indices, radii, _ = run(x, 400, method=method)
    assert len(indices) == distinct
    assert radii[-1] == 0


def test_rows_on_a_disk_are_seldom_read_again() -> None:
    x = RNG(0).standard_normal((20000, 64), np.float32)
    in_memory, on_disk = (run(x, 2500, method=method)[2] for method in ("lazy", "from_disk"))
    assert on_disk["rows_read"] < 0.5 * in_memory["rows_read"]
    assert on_disk["rows_read"] < len(x)


def test_memory_stays_within_the_stated_bound() -> None:
    n, d, k = 20000, 256, 300
    _, _, statistics = run(clustered(n, d), k, method="lazy")
    assert statistics["peak_bytes"] <= n * d + 64 * n + 16 * (k + 2000) * d + (1 << 20)
    assert statistics["pairs_bounded"] + statistics["pairs_refined"] <= 1.1 * n * k


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

"""What callers of kcenter_greedy see: picks, radii, warnings, and other threads at work."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from kcenter_inputs import clustered

from mods.kcenter import EarlyStopWarning, kcenter_greedy, kcenter_oracle


def test_radius_is_the_distance_of_the_farthest_row() -> None:
    x = clustered(500, 24)
    indices, radii = kcenter_greedy(x, 40, first=3)
    for i in (0, 17, 39):
        gaps = np.linalg.norm(x[:, None].astype(np.float64) - x[indices[: i + 1]], axis=2).min(1)
        assert radii[i] == pytest.approx(gaps.max(), rel=1e-6)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    indices, radii = kcenter_greedy(2 * x, 40, first=3, metric="cosine")
    assert radii[39] == pytest.approx(1 - (unit @ unit[indices].T).max(1).min(), rel=1e-4)


def test_a_run_split_in_two_picks_the_same() -> None:
    x = clustered(4000, 64, 12)
    whole = kcenter_greedy(x, 200, first=7).indices
    second = kcenter_greedy(x, 100, initial=whole[:100]).indices
    np.testing.assert_array_equal(second, whole[100:])


def test_fewer_distinct_rows_than_picks_are_a_warning() -> None:
    x = np.repeat(clustered(50, 32, 2), 60, axis=0)
    distinct = len(np.unique(x, axis=0))
    with pytest.warns(EarlyStopWarning, match=f"picked {distinct} of 400"):
        assert len(kcenter_greedy(x, 400).indices) == distinct
    with pytest.warns(EarlyStopWarning, match="picked 1 of 3"):
        assert list(kcenter_greedy(np.ones((9, 4), np.float32), 3, first=4).indices) == [4]


def test_one_row() -> None:
    indices, radii = kcenter_greedy(np.ones((1, 5), np.float32), 1)
    assert list(indices) == [0]
    assert list(radii) == [0]


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

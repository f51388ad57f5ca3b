"""Rows that stress every part of the k-center core, and calls of its paths by name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mods import _core
from mods.kcenter import EarlyStopWarning, KCenterResult, kcenter_oracle

RNG = np.random.default_rng
NO_CENTRE = np.empty(0, np.int64)


DEFAULTS: dict[str, Any] = {
    "initial": NO_CENTRE,
    "first": 0,
    "metric": "euclidean",
    "progress": None,
}


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


def run(x: Any, k: int, **options: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Call the CPU core directly, to force a method or an instruction set."""
    dtype = (x[0] if isinstance(x, list) else x).dtype.name
    return _core.kcenter(x, k=k, **{**DEFAULTS, "dtype": dtype, "threads": 2, **options})


def run_cuda(x: Any, k: int, **options: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Call the CUDA core on host rows, to force a method."""
    given = {**DEFAULTS, "dtype": x.dtype.name, "device": 0, "method": "lazy", **options}
    return _core.kcenter_cuda(x, k=k, **given)


def oracle(x: Any, k: int, **options: Any) -> KCenterResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EarlyStopWarning)
        return kcenter_oracle(x, k, **options)


def assert_same(got: Any, expected: KCenterResult, label: str = "") -> None:
    np.testing.assert_array_equal(got[0], expected.indices, label)
    np.testing.assert_array_equal(got[1], expected.radii, label)

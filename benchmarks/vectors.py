"""Embeddings for the benchmarks: real ones where they were made (see embed.py), else synthetic."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.embed import cache_dir
from mods.kcenter.bench import synthetic_embeddings


@cache
def real(name: str) -> np.ndarray | None:
    """`real_mean`, `real_cls` or `real_cat`, or None where embed.py has not been run."""
    path = cache_dir() / f"{name}.npy"
    return np.load(path) if path.exists() else None


def embeddings(name: str) -> tuple[str, np.ndarray]:
    """Return (label, rows); the label tells synthetic stand-ins apart."""
    rows = real(name)
    if rows is not None:
        return name, rows
    dim = 768 if name == "real_cat" else 384
    return f"synthetic for {name}", synthetic_embeddings(80_000, dim)


def gaussian(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, d), np.float32)


def jittered(n: int, seed: int = 0, size: float = 0.3) -> np.ndarray:
    """Return n unit rows: copies of real_mean with Gaussian jitter of relative length `size`."""
    _, base = embeddings("real_mean")
    rng = np.random.default_rng(seed)
    rows = base[rng.integers(len(base), size=n)]
    rows += (size / np.sqrt(rows.shape[1])) * rng.standard_normal(rows.shape, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows

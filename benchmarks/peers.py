"""What people use for farthest-first selection, as they use it: the baselines of the benchmarks.

Each takes (x, k, first) and returns the picks. Their cost per pick does not change, so a few picks
tell the cost of many.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from mods.kcenter.bench import numpy_loop, run_core

Peer = Callable[[np.ndarray, int], np.ndarray]


def fused_brute(x: np.ndarray, k: int) -> np.ndarray:
    """Our own brute force: distance, minimum and argmax in one pass, float64."""
    return run_core(x, k, method="brute")[0]


def mods_loop(x: np.ndarray, k: int) -> np.ndarray:
    """The loop of the MoDS script, written from its description.

    Each step computes scikit-learn's pairwise distances to the new centre, folds them into the
    minimum, takes the argmax and reports Python's max() of the whole array.
    """
    from sklearn.metrics import pairwise_distances

    nearest: np.ndarray | None = None
    picks = [0]
    while len(picks) < k:
        distance = pairwise_distances(x, x[[picks[-1]]], metric="euclidean")
        nearest = distance if nearest is None else np.minimum(nearest, distance)
        picks.append(int(np.argmax(nearest)))
        max(nearest)
    return np.array(picks)


def torch_fps(x: np.ndarray, k: int) -> np.ndarray:
    """The fastest package for any dimension that we found (needs `pip install torch-fps`)."""
    import torch
    from torch_fps import farthest_point_sampling

    points = torch.from_numpy(x)[None]
    valid = torch.ones(points.shape[:2], dtype=torch.bool)
    start = torch.zeros(1, dtype=torch.long)
    return np.asarray(farthest_point_sampling(points, valid, k, start_idx=start)[0])


def installed_peers() -> dict[str, Peer]:
    """The baselines that can run here, by name."""
    peers: dict[str, Peer] = {
        "fused brute float64": fused_brute,
        "numpy": numpy_loop,
        "MoDS loop": mods_loop,
    }
    if importlib.util.find_spec("torch_fps") is not None:
        peers["torch-fps"] = torch_fps
    return peers

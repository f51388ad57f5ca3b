"""What the page says in words: settings, correlations, where a curve flattens, near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.runs.costs import load_costs
from mods.runs.folder import COSTS
from mods.runs.whatif import floats
from mods.settings.choice import Choice

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.runs.saved import SavedRun

STRENGTHS = ((0.1, "hardly"), (0.3, "weakly"), (0.6, "clearly"), (1.01, "strongly"))
"""How a rank correlation up to each value is worded."""
FEWEST_ROWS = 10
"""Fewer rows say nothing about a correlation."""
NEAR = 0.3
"""Rows nearer to a selected one than this share of the median distance are near-duplicates."""
LEAST_BEND = 0.15
"""A curve that lies less below the line between its ends (1: in the corner) falls evenly."""
SHOWN_PAIRS = 20
DECIDING = ("quality", "embedder", "selector", "necessity", "trainer", "generator")


def settings_told(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Say what was asked: `[what, how]`."""
    settings, cuts = manifest["makes"]["settings"], manifest["thresholds"]
    told = [["data", ", ".join(manifest["makes"]["inputs"]["sources"])]]
    told += [[kind, str(Choice.read(settings[kind], kind))] for kind in DECIDING
             if settings.get(kind)]  # fmt: skip
    if settings.get("model"):
        told.append(["model", str(Choice.read(settings["model"], "model"))])
    for name, side in (("alpha", "above"), ("beta", "below")):
        cut = cuts.get(name)
        came_to = f": what scores {side} {cut['score']:.4g} passes" if cut else ": not used"
        told.append([name, f"{settings.get(name)}{came_to}"])
    told += [[name, str(settings.get(name))] for name in ("seeds", "budget", "seed")]
    told.append(["embedded text", str(settings.get("embed_text"))])
    for name in ("tuning", "generation"):
        inner = settings.get(name) or {}
        told.append([name, ", ".join(f"{k}={v}" for k, v in inner.items() if v not in (None, {}))])
    return told


def costs_of(folder: Path) -> dict[str, Any]:
    """Return seconds by stage, and what each kind of work took; nothing if that is not known."""
    if not (folder / COSTS).exists():
        return {"seconds": {}, "work": {}}
    stages = load_costs(folder)
    return {
        "seconds": {name: stage.seconds for name, stage in stages.items()},
        "work": {
            f"{name}: {what}": asdict(cost)
            for name, stage in stages.items()
            for what, cost in stage.work.items()
        },
    }


def correlation(
    score: str, length: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """Say how a score goes with a length: Spearman's rank correlation, and in words."""
    known = ~(np.isnan(x) | np.isnan(y))
    rho = spearman(x[known], y[known])
    found = {"score": score, "length": length, "rho": rho, "rows": int(known.sum())}
    if rho is None:
        return {**found, "words": "too few different values to say how they go together"}
    strength = next(word for most, word in STRENGTHS if abs(rho) < most)
    if strength == "hardly":
        words = "length hardly matters to this score"
    else:
        words = f"longer replies {strength} tend to score {'higher' if rho > 0 else 'lower'}"
    return {**found, "words": words}


def spearman(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float | None:
    """Return Spearman's rank correlation, -1 to 1, ties averaged; none where it has no meaning."""
    if len(x) < FEWEST_ROWS:
        return None
    a, b = ranks(x), ranks(y)
    if not (a.std() and b.std()):
        return None
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ranks of values, from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[inverse.ravel()]
    return means


def knee(order: npt.NDArray[np.int64], radius: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Say where a falling curve flattens: its point farthest below the line between its ends.

    (The point of diminishing returns after Satopää et al., "Finding a Kneedle in a Haystack",
    2011.) `at` is the number of picks, none where the curve has no such point.
    """
    width, height = float(order[-1] - order[0]), float(radius[0] - radius[-1])
    if len(order) < FEWEST_ROWS or not height > 0 or not np.isfinite(height):
        return {"at": None, "words": "too few picks to say where it flattens"}
    below = 1 - (order - order[0]) / width - (radius - radius[-1]) / height
    best = int(np.argmax(below))
    if below[best] <= LEAST_BEND:
        return {"at": None, "words": "falls evenly: every further row still covers as much"}
    falls = (radius[0] - radius[best]) / height
    words = (
        f"flattens after {order[best]:,} picks: they brought {falls:.0%} of what all "
        f"{order[-1]:,} brought"
    )
    return {"at": int(order[best]), "words": words}


def near_duplicates(
    saved: SavedRun, scores: Mapping[str, npt.NDArray[np.float64]]
) -> dict[str, Any]:
    """Say how far the scores of rows that are nearly the same lie apart."""
    distance = floats(saved.pool["distance"])
    known = distance[np.isfinite(distance)]
    if not len(known):
        return {"pairs": [], "words": "no part of the run needed embeddings"}
    limit = float(np.median(known)) * NEAR
    at = np.flatnonzero(distance <= limit)
    if not len(at):
        return {"pairs": [], "words": "no row nearly coincides with a selected one"}
    of = {where: place for place, where in enumerate(saved.wheres(saved.receipts))}
    nearest = list(zip(saved.pool["nearest_source"].to_pylist(),
                       saved.pool["nearest_row"].to_pylist(), strict=True))  # fmt: skip
    places = saved.places()
    pairs = [(int(places[i]), of[nearest[i]]) for i in at.tolist() if nearest[i] in of]
    order = sorted(range(len(pairs)), key=lambda i: (distance[at[i]], pairs[i]))
    words = f"{len(pairs):,} rows nearly coincide with a selected one"
    for name, values in scores.items():
        apart = np.array([abs(values[a] - values[b]) for a, b in pairs])
        if np.isfinite(apart).any():
            typical = np.nanmedian(apart)
            spread = float(np.subtract(*np.nanpercentile(values, [75, 25])))
            words += f"; {name} differs by {typical:.3g} (middle half of all rows: {spread:.3g})"
    return {"pairs": [pairs[i] for i in order[:SHOWN_PAIRS]], "words": words}

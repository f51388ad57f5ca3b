"""The picture of a run: scores with their thresholds, the radius curve, a map of the pool.

Drawn from what a run folder holds, so that the folder alone gives the same picture again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mods.selection.stage import score_name

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from mods.runs.saved import SavedRun, Told

GREY, BLUE, ORANGE, RED = "#b8bfc7", "#1f6fb4", "#e8871e", "#c0392b"
MAP_ROWS = 20_000
"""More points than this say no more on a picture; the selected ones are always drawn."""
TAIL = 0.2
"""Percent of the scores at each end that do not stretch the axis."""
BINS_PER_ROOT, FEWEST_BINS, MOST_BINS = 1.5, 10, 60
"""Bins of a histogram: 1.5 times the root of the rows, as many as can be told apart."""


def draw_picture(saved: SavedRun, file: IO[bytes]) -> None:
    """Draw the picture as PNG into `file`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    totals = saved.manifest["rows"]["totals"]
    figure.suptitle(
        f"{sum(totals.values()):,} rows in = {totals['selected']:,} selected + "
        f"{totals['rejected']:,} rejected + {totals['quarantined']:,} quarantined",
        fontsize=13,
    )
    draw_scores(axes[0, 0], saved, "quality", "alpha")
    draw_scores(axes[0, 1], saved, "necessity", "beta")
    draw_radii(axes[1, 0], saved)
    draw_map(axes[1, 1], saved)
    figure.savefig(file, format="png")


def scores_of(saved: Told, kind: str) -> tuple[str, npt.NDArray[np.float64]]:
    """Return the column of the score of a stage, and its values where there are any."""
    part = saved.manifest["makes"]["settings"].get(kind)
    name = score_name(kind, part["name"]) if part else ""
    if name not in saved.receipts.column_names:
        return name, np.empty(0)
    return name, saved.receipts[name].drop_null().to_numpy()


LARGEST = 1e100
"""Larger scores are drawn as this: the difference of two must be finite."""


def draw_scores(axes: Axes, saved: Told, kind: str, threshold: str) -> None:
    """Draw a histogram of scores and the threshold."""
    name, values = scores_of(saved, kind)
    if not len(values):
        leave_empty(axes, f"no {kind} stage was run")
        return
    values = np.clip(values, -LARGEST, LARGEST)
    span = span_of(values)
    axes.hist(
        np.clip(values, *span),
        bins=int(np.clip(BINS_PER_ROOT * len(values) ** 0.5, FEWEST_BINS, MOST_BINS)),
        range=span,
        color=GREY,
    )
    cut: Mapping[str, Any] = saved.manifest["thresholds"][threshold]
    side = "stay: above" if threshold == "alpha" else "necessary: below"
    label = f"{side} {threshold} {cut['asked']} ({cut['score']:.3g})"
    axes.axvline(float(np.clip(cut["score"], *span)), color=RED, lw=1.6, label=label)
    axes.set(xlabel=name, ylabel="rows", title=f"{kind}: {len(values):,} rows scored")
    axes.legend(loc="upper right", fontsize=8)


def span_of(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the range that nearly all values are in, wide enough to be cut into bins."""
    low, high = (float(value) for value in np.percentile(values, [TAIL, 100 - TAIL]))
    size = max(abs(low), abs(high))
    if high - low > max(1e-12 * size, 1 / LARGEST):
        return low, high
    margin = max(0.5, 1e-6 * size)
    return low - margin, high + margin


def leave_empty(axes: Axes, why: str) -> None:
    """Say why a plot is empty."""
    middle = axes.transAxes
    axes.text(0.5, 0.5, why, color="grey", ha="center", va="center", transform=middle)
    axes.set_axis_off()


def picked(saved: Told, reason: str) -> Any:
    """The receipts of selected rows of one kind, in order of pick."""
    import pyarrow.compute as pc

    chosen = (pc.field("fate") == "selected") & (pc.field("reason") == reason)
    return saved.receipts.filter(chosen).sort_by("order")


def draw_radii(axes: Axes, saved: Told) -> None:
    """Draw the covering radius against the number of picks."""
    for reason, colour in (("seed", BLUE), ("necessary", ORANGE)):
        rows = picked(saved, reason)
        rows = rows.filter(rows["radius"].is_valid())
        if rows.num_rows:
            order, radius = rows["order"].to_numpy(), rows["radius"].to_numpy()
            axes.plot(order, radius, color=colour, lw=1.8, label=f"{reason} rows")
    if not axes.lines:
        leave_empty(axes, "the selector gave no covering radius")
        return
    axes.set(
        xlabel="rows picked",
        ylabel="covering radius of what was picked from",
        title="how far the farthest row is from the selection",
    )
    axes.legend(fontsize=8)


def draw_map(axes: Axes, saved: SavedRun) -> None:
    """Draw the pool on its two principal axes, with seeds and necessary rows."""
    pool = saved.pool
    if pool["x"].null_count:
        leave_empty(axes, "no part of the run needed embeddings")
        return
    x, y = pool["x"].to_numpy(), pool["y"].to_numpy()
    step = max(1, pool.num_rows // MAP_ROWS)
    label = f"passed alpha ({pool.num_rows:,})"
    axes.scatter(x[::step], y[::step], s=5, color=GREY, alpha=0.5, linewidths=0, label=label)
    place = {id: i for i, id in enumerate(pool["id"].to_pylist())}
    for reason, colour in (("seed", BLUE), ("necessary", ORANGE)):
        at = [place[id] for id in picked(saved, reason)["id"].to_pylist()]
        if at:
            label = f"{reason} ({len(at):,})"
            axes.scatter(x[at], y[at], s=16, color=colour, linewidths=0, label=label)
    axes.set(title="map of the pool (first two principal components)", xticks=[], yticks=[])
    axes.legend(fontsize=8, loc="best")

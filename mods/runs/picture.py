"""The picture of a run: scores with their thresholds, the radius curve, a map of the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from mods.ledger import Receipt
    from mods.pipeline import Selection

GREY, BLUE, ORANGE, RED = "#b8bfc7", "#1f6fb4", "#e8871e", "#c0392b"
MAP_ROWS = 20_000
"""More points than this say no more on a picture; the selected ones are always drawn."""


def draw_report(selection: Selection, file: IO[bytes]) -> None:
    """Draw the picture as PNG into `file`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    totals = selection.totals
    figure.suptitle(
        f"{sum(totals.values()):,} rows in = {totals['selected']:,} selected + "
        f"{totals['rejected']:,} rejected + {totals['quarantined']:,} quarantined",
        fontsize=13,
    )
    draw_scores(axes[0, 0], selection, "quality", "alpha")
    draw_scores(axes[0, 1], selection, "necessity", "beta")
    draw_radii(axes[1, 0], selection)
    draw_map(axes[1, 1], selection)
    figure.savefig(file, format="png")


def scores_of(receipts: Any, prefix: str) -> tuple[str, npt.NDArray[np.float64]]:
    """Return the name of the score of a stage and its values."""
    values: list[float] = []
    name = ""
    for receipt in receipts:
        for key, value in receipt.scores.items():
            if key.startswith(prefix):
                name = key
                values.append(value)
    return name, np.array(values)


LARGEST = 1e100
"""Larger scores are drawn as this: the difference of two must be finite."""


def draw_scores(axes: Axes, selection: Selection, prefix: str, threshold: str) -> None:
    """Draw a histogram of scores and the threshold."""
    name, values = scores_of(selection.receipts, f"{prefix}_")
    if not len(values):
        axes.text(
            0.5,
            0.5,
            f"no {prefix} stage was run",
            ha="center",
            va="center",
            color="grey",
            transform=axes.transAxes,
        )
        axes.set_axis_off()
        return
    values = np.clip(values, -LARGEST, LARGEST)
    span = span_of(values)
    axes.hist(
        np.clip(values, *span),
        bins=int(np.clip(1.5 * len(values) ** 0.5, 10, 60)),
        range=span,
        color=GREY,
    )
    cut: Mapping[str, Any] = selection.manifest["thresholds"][threshold]
    side = "stay: above" if threshold == "alpha" else "necessary: below"
    label = f"{side} {threshold} {cut['asked']} ({cut['score']:.3g})"
    axes.axvline(float(np.clip(cut["score"], *span)), color=RED, lw=1.6, label=label)
    axes.set(xlabel=name, ylabel="rows", title=f"{prefix}: {len(values):,} rows scored")
    axes.legend(loc="upper right", fontsize=8)


def span_of(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the range that nearly all values are in, wide enough to be cut into bins."""
    low, high = (float(value) for value in np.percentile(values, [0.2, 99.8]))
    size = max(abs(low), abs(high))
    if high - low > max(1e-12 * size, 1 / LARGEST):
        return low, high
    margin = max(0.5, 1e-6 * size)
    return low - margin, high + margin


def picked(selection: Selection, reason: str) -> list[Receipt]:
    """The receipts of selected rows of one kind, in order of pick."""
    found = [r for r in selection.receipts if r.fate == "selected" and r.reason == reason]
    return sorted(found, key=lambda receipt: receipt.order or 0)


def draw_radii(axes: Axes, selection: Selection) -> None:
    """Draw the covering radius against the number of picks."""
    for reason, colour in (("seed", BLUE), ("necessary", ORANGE)):
        rows = [r for r in picked(selection, reason) if r.radius is not None]
        if rows:
            axes.plot(
                np.array([r.order for r in rows]),
                np.array([r.radius for r in rows]),
                color=colour,
                lw=1.8,
                label=f"{reason} rows",
            )
    axes.set(
        xlabel="rows picked",
        ylabel="covering radius of what was picked from",
        title="how far the farthest row is from the selection",
    )
    if axes.lines:
        axes.legend(fontsize=8)


def draw_map(axes: Axes, selection: Selection) -> None:
    """Draw the pool on its two principal axes, with seeds and necessary rows."""
    pool = selection.pool
    assert pool is not None
    step = max(1, len(pool.records) // MAP_ROWS)
    project = projection(pool.embeddings)
    x, y = project(slice(None, None, step)).T
    axes.scatter(
        x,
        y,
        s=5,
        color=GREY,
        alpha=0.5,
        linewidths=0,
        label=f"passed alpha ({len(pool.records):,})",
    )
    place = {(r.source, r.row): i for i, r in enumerate(pool.records)}
    for reason, colour in (("seed", BLUE), ("necessary", ORANGE)):
        at = [place[r.source, r.row] for r in picked(selection, reason)]
        if at:
            x, y = project(at).T
            axes.scatter(
                x,
                y,
                s=16,
                color=colour,
                linewidths=0,
                label=f"{reason} ({len(at):,})",
            )
    axes.set(title="map of the pool (first two principal components)", xticks=[], yticks=[])
    axes.legend(fontsize=8, loc="best")


def projection(
    vectors: npt.NDArray[np.float32],
) -> Callable[[slice | list[int]], npt.NDArray[np.float64]]:
    """Return what projects the rows asked for onto the first two principal components.

    The components are those of a sample of about 20,000; only rows asked for are in float64.
    """
    sample = vectors[:: max(1, len(vectors) // MAP_ROWS)].astype(np.float64)
    mean = sample.mean(axis=0)
    covariance = (sample - mean).T @ (sample - mean)
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :2]
    if axes.shape[1] < 2:  # one-dimensional vectors
        axes = np.hstack([axes, np.zeros_like(axes)])
    return lambda rows: np.asarray((vectors[rows] - mean) @ axes)

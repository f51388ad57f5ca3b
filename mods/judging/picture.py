"""The picture of a verdict: how far each arm is from the random draws, by measure and set."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mods.judging.shown import (
    Verdict,
    against,
    arm_words,
    measures_of,
    set_words,
    sets_of,
)
from mods.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUBJECT, BASELINE = "selection", "random"
GREEN, RED, DARK, BAND, BLUE = "#2e8b57", "#c0392b", "#3b4148", "#eef1f4", "#1f6fb4"
SET_COLOURS = ("#e8871e", "#7b5ea7", "#3a9d9d", "#b0568a", "#8a7a2f", "#6b7480")
COLOUR_OF = {"helped": GREEN, "hurt": RED}
PANELS_A_ROW = 3
HOW_TO_READ = (
    "Zero is the mean of the random draws. Dot: effect of the arm; line: its 95 % interval. "
    "A line that\ncrosses zero: no difference was shown. Arrow: too far away to be drawn."
)
FARTHEST = 3.0
"""An interval that reaches farther than so many times what is usual is cut off at the edge."""


def draw_picture(verdict: Verdict, file: IO[bytes]) -> None:
    """Draw the picture as PNG into `file`: a panel a measure, the arms below each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measures = [measure for _, measure in measures_of(verdict)]
    arms = [arm for arm in verdict["arms"] if arm not in (SUBJECT, BASELINE)]
    arms = [SUBJECT, *(arm for arm in arms if shown_anywhere(measures, arm))]
    names = list(dict.fromkeys(name for measure in measures for name in sets_of(measure)))
    across = max(1, min(PANELS_A_ROW, len(measures)))
    down = max(1, -(-len(measures) // across))
    height = max(1.6, len(arms) * (0.34 + 0.13 * len(names))) + 1.2
    figure = Figure(
        figsize=(3.2 + 4.2 * across, 1.5 + height * down), dpi=110, layout="constrained"
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, measure in zip(grid.flat, measures, strict=False):
        draw_measure(axes, measure, arms, names)
    for axes in grid.flat[len(measures) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(arms)), [wrap(arm_words(verdict, arm), 30) for arm in arms])
        axes.get_yticklabels()[0].set_fontweight("bold")
    headline(figure, verdict, width=int(11 * figure.get_figwidth()))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles=handles,
            labels=labels,
            loc="outside lower center",
            ncols=4,
            fontsize=9,
            title=HOW_TO_READ,
            title_fontsize=8.5,
            frameon=False,
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(file, format="png")


def headline(figure: Any, verdict: Verdict, width: int) -> None:
    """Write the word, and its reason in lines of so many characters, above the panels."""
    word = verdict["word"] or verdict["status"]
    figure.suptitle(
        f"Did the selection help?  {plain(word).upper()}\n{wrap(verdict['reason'], width)}",
        fontsize=11,
        color=COLOUR_OF.get(word, DARK),
    )


def shown_anywhere(measures: Sequence[Mapping[str, Any]], arm: str) -> bool:
    """Say whether an arm was compared with the random draws by any measure."""
    return any(against(j, arm, BASELINE) for m in measures for j in sets_of(m).values())


def draw_measure(
    axes: Axes, measure: Mapping[str, Any], arms: Sequence[str], names: Sequence[str]
) -> None:
    """Draw every arm's effect against the random draws, a line for each set."""
    judgements = sets_of(measure)
    found = {
        (arm, name): comparison
        for arm in arms
        for name, judgement in judgements.items()
        if (comparison := against(judgement, arm, BASELINE)) and comparison["effect"] is not None
    }
    limit = limit_of(found)
    axes.axhspan(-0.5, 0.5, color=BAND, zorder=0, lw=0)
    axes.axvline(0, color=DARK, lw=1.2, zorder=1)
    gap = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        main = i == 0
        colour = BLUE if main else SET_COLOURS[(i - 1) % len(SET_COLOURS)]
        axes.plot([], [], "o-", label=plain(set_words(name)), lw=2.4 if main else 1.2, color=colour)
        for row, arm in enumerate(arms):
            if (arm, name) in found:
                place = row + gap * (i - (len(names) - 1) / 2)
                draw_effect(axes, found[arm, name], place, limit, main, colour)
    first = next(iter(judgements.values()), None)
    word = first["word"] if first else "not judged"
    title = wrap(measure["words"], 40)
    if not measure.get("independent", True):
        title += "\n(this judge also made the selection)"
    axes.set_title(f"{title}\n{plain(word or '–')}", fontsize=10, color=COLOUR_OF.get(word, DARK))
    axes.set(xlim=(-1.08 * limit, 1.08 * limit), ylim=(len(arms) - 0.5, -0.5))
    less, more = ("worse", "better") if measure["better"] else ("less", "more")
    axes.set_xlabel(f"← {less}        {plain(measure['unit'])}        {more} →", fontsize=9)
    axes.locator_params(axis="x", nbins=6)
    axes.tick_params(labelsize=9)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)


def limit_of(found: Mapping[Any, Mapping[str, Any]]) -> float:
    """Return how far the axis reaches: as far as most intervals, and all of the selection's."""
    reach = {key: max(abs(c["low"]), abs(c["high"])) for key, c in found.items()}
    if not reach:
        return 1.0
    usual = FARTHEST * float(np.median(list(reach.values())))
    own = max((r for (arm, _), r in reach.items() if arm == SUBJECT), default=0.0)
    return max(min(max(reach.values()), usual), own) or 1.0


def draw_effect(
    axes: Axes, found: Mapping[str, Any], place: float, limit: float, main: bool, colour: str
) -> None:
    """Draw one effect with its interval; one that is off the axis as an arrow with its number."""
    effect, low, high = found["effect"], found["low"], found["high"]
    if abs(effect) > limit:
        edge = np.copysign(limit, effect)
        axes.plot([edge], [place], ">" if effect > 0 else "<", color=colour, ms=7 if main else 4)
        if main:
            axes.annotate(
                f"{effect:+.3g}",
                (edge, place),
                xytext=(-8 if effect > 0 else 8, 0),
                textcoords="offset points",
                ha="right" if effect > 0 else "left",
                va="center",
                fontsize=8,
                color=colour,
            )
        return
    ends = np.clip([low, high], -1.08 * limit, 1.08 * limit)
    axes.plot(ends, [place, place], color=colour, lw=2.4 if main else 1.2, solid_capstyle="butt")
    axes.plot([effect], [place], "o", color=colour, ms=6.5 if main else 3.5)


def plain(text: str) -> str:
    """Return text from data as matplotlib may draw it: no control characters, no formulas."""
    return " ".join(printable(text).split()).replace("$", r"\$")


def wrap(text: str, width: int) -> str:
    """Break text into lines."""
    return "\n".join(textwrap.wrap(plain(text), width)) or "–"

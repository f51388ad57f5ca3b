"""`mods show`: the overview of a run in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mods.commands.options import JSON
from mods.commands.options import show as print_safely

EPILOG = """\b
Examples:
  mods show RUN
  mods show RUN --json
"""
REASONS = 10
"""So many reasons are shown, those of most rows; --json has all."""
BARS, PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
"""Heights of a histogram, the second where the output knows ASCII alone."""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def show(run: Path, as_json: bool) -> None:
    """Show what came out of the run in the folder RUN.

    The rows by stage and fate, the most frequent reasons, every score as a small histogram with
    its threshold, tokens, costs and notes. Scores far outside are counted at the ends.
    """
    from mods.runs.costs import load_costs
    from mods.runs.folder import COSTS
    from mods.runs.saved import SavedRun, telling
    from mods.runs.shown.overview import overview

    saved = SavedRun.load(run)
    with telling(run):
        found = overview(saved, load_costs(run) if (run / COSTS).exists() else None)
        told = json.dumps(found, indent=2) if as_json else "\n".join(lines_of(found))
    print_safely(told)


def lines_of(found: Mapping[str, Any]) -> Iterator[str]:
    """Tell an overview in lines."""
    rows, tokens, costs = found["rows"], found["tokens"], found["costs"]
    yield identity(rows)
    if tokens:
        yield (
            f"tokens: {tokens['selected']:,} selected, {tokens['seeds']:,} of them with the "
            f"seeds, {tokens['pool']:,} in the pool"
        )
    if costs:
        yield (
            f"costs: {costs['seconds']:,.1f} seconds, {costs['loading']:,.1f} of them to load "
            f"models; {costs['tokens']:,} tokens went through models"
        )
    yield from (f"note: {one_line(notice)}" for notice in found["notices"])
    yield ""
    yield from (f"{what:<13} {how}" for what, how in map(as_one_line, found["settings"]))
    yield ""
    yield from stages(rows)
    yield ""
    for one in found["reasons"][:REASONS]:
        where = f"{one['fate']} in {one['stage']}"
        yield f"{one['rows']:>9,} {where:<26} {one_line(one['reason'])}"
    if len(found["reasons"]) > REASONS:
        yield f"{'':>9} … and {len(found['reasons']) - REASONS:,} more reasons"
    for score in found["scores"]:
        yield from histogram(score)


def as_one_line(setting: Sequence[str]) -> list[str]:
    """Keep a setting from looking like two."""
    return [one_line(text) for text in setting]


def one_line(text: str) -> str:
    """Keep a text of the data from looking like several lines of this overview."""
    return text.replace("\n", "\\n")


def identity(rows: Mapping[str, Any]) -> str:
    """Say that every input row has a fate."""
    totals = rows["totals"]
    return (
        f"rows in {sum(totals.values()):,} = {totals['selected']:,} selected + "
        f"{totals['rejected']:,} rejected + {totals['quarantined']:,} quarantined"
    )


def stages(rows: Mapping[str, Any]) -> list[str]:
    """Return the table of the stages that decided about rows."""
    lines = [f"{'stage':<13} {'selected':>9} {'rejected':>9} {'quarantined':>12}"]
    decided = [(name, counts) for name, counts in rows["by_stage"].items() if any(counts.values())]
    for name, counts in [*decided, ("total", rows["totals"])]:
        lines.append(
            f"{name:<13} {counts['selected']:>9,} {counts['rejected']:>9,} "
            f"{counts['quarantined']:>12,}"
        )
    return lines


def histogram(score: Mapping[str, Any]) -> Iterator[str]:
    """Draw a score on a line, and its threshold below."""
    yield ""
    cut, counts = score["threshold"], score["counts"]
    sides = {"alpha": "stay: above", "beta": "necessary: below"}
    held = ""
    if cut:
        held = f"; {sides[cut['setting']]} {cut['setting']} {cut['asked']} ({cut['score']:.4g})"
    yield f"{score['name']}: {score['rows']:,} rows{held}"
    if not counts:
        return
    low, high, most = score["low"], score["high"], max(counts)
    heights = bars_for(sys.stdout.encoding)
    # A bin with rows is never drawn as an empty one.
    bars = "".join(heights[-(-count * (len(heights) - 1) // most)] for count in counts)
    yield f"{low:>12.4g} {bars} {high:.4g}"
    if cut:
        at = int((cut["score"] - low) / (high - low) * len(counts))
        yield f"{'':>12} {'':>{min(max(at, 0), len(counts) - 1)}}^ {cut['score']:.4g}"


def bars_for(encoding: str | None) -> str:
    """Return the heights that an output can show."""
    try:
        BARS.encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return PLAIN_BARS
    return BARS

"""`mods costs`: what a run took, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import JSON, show

if TYPE_CHECKING:
    from mods.runs.costs import StageCosts
    from mods.work.costs import Cost

EPILOG = """\b
Examples:
  mods costs RUN
  mods costs RUN --json
"""
HEADS = {
    "rows": "rows", "computed": "computed", "cached": "cached", "tokens": "tokens",
    "seconds": "seconds", "loading": "loading", "device_seconds": "device s",
    "bytes_read": "MB read", "bytes_written": "written",
}  # fmt: skip
"""The columns of the table, by the name of the figure."""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def costs(run: Path, as_json: bool) -> None:
    """Tell what the run in the folder RUN took: rows, tokens, seconds and bytes of every stage.

    Rows were computed or taken from the cache. Seconds of work are added up over processes; those
    of a stage are the seconds that passed. They are of the last call that wrote the folder: what
    an interrupted one had computed was taken from the cache.
    """
    from mods.runs.costs import load_costs

    stages = load_costs(run)
    if as_json:
        click.echo(json.dumps({name: as_plain(stage) for name, stage in stages.items()}, indent=2))
    else:
        show(table(stages))


def as_plain(stage: StageCosts) -> dict[str, Any]:
    """Return a stage as plain JSON values."""
    work = {name: {**asdict(cost), "cached": cost.cached} for name, cost in stage.work.items()}
    return {"seconds": stage.seconds, "work": work}


def table(stages: Mapping[str, StageCosts]) -> str:
    """Return the costs as lines of text."""
    from mods.runs.costs import total

    lines = [f"{'stage':<10} {'work':<24}" + "".join(f"{head:>11}" for head in HEADS.values())]
    for name, stage in stages.items():
        lines += [f"{name:<10} {work:<24}{cells(cost)}" for work, cost in stage.work.items()]
        lines.append(f"{name:<10} {'in all':<24}{'':>44}{stage.seconds:>11,.1f}")
    whole = total(stages)
    lines.append(
        f"{whole.seconds:,.1f} seconds passed, {whole.loading:,.1f} of them to load models; "
        f"{whole.tokens:,} tokens went through models"
    )
    return "\n".join(lines)


def cells(cost: Cost) -> str:
    """Return the figures of one kind of work, in the order of `HEADS`."""
    return "".join(f"{figure(name, getattr(cost, name)):>11}" for name in HEADS)


def figure(name: str, value: float) -> str:
    """Write a figure as people read it; nothing is a dash."""
    if not value:
        return "-"
    if name.startswith("bytes"):
        return f"{value / 1e6:,.1f}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"

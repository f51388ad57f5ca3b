"""`mods what-if`: what a run would have selected with other settings, without running anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mods.commands.options import JSON, registry_of, show

EPILOG = """\b
Examples:
  mods what-if RUN --budget 500
  mods what-if RUN --alpha 'top 40%' --beta 'bottom 20%' --json
"""
SHOWN = 10
"""So many rows that come and go are named; --json names all."""


@click.command("what-if", epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--alpha", metavar="CUT", help="As in `mods run`.  [default: that of the run]")
@click.option("--beta", metavar="CUT", help="As in `mods run`.")
@click.option("--seeds", type=int, metavar="K", help="As in `mods run`.")
@click.option("--budget", type=int, metavar="N", help="As in `mods run`.")
@click.option(
    "--estimate",
    is_flag=True,
    help="Pick nothing again: the numbers that the page of a large pool shows.",
)
@JSON
@click.pass_context
def what_if(
    ctx: click.Context, /, run: Path, estimate: bool, as_json: bool, **wanted: str | int | None
) -> None:
    """Say what the run in the folder RUN would have selected with other settings.

    No model is asked: scores are held against the new thresholds, and rows are picked again with
    the vectors in the folder. What does not follow from the folder is an estimate, and said to be
    one.
    """
    from mods.runs.outcome import outcome_of

    found = outcome_of(run, wanted, registry_of(ctx), estimate=estimate)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        show("\n".join(lines_of(found)))


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Tell the outcome in a few lines."""
    asked = ", ".join(f"{name} {value}" for name, value in found["asked"].items())
    if found["problem"]:
        return [asked, f"no selection: {found['problem']}"]
    was, rows = found["in this run"], found["rows"]
    lines = [asked, "", f"{'rows':<14} {'in this run':>12} {'what if':>12}"]
    lines += [f"{name:<14} {was[name]:>12,} {value:>12,}" for name, value in rows.items()]
    lines += ["", f"{'source':<40} {'what if':>12}"]
    lines += [f"{source:<40} {rows:>12,}" for source, rows in found["sources"].items()]
    lines.append("")
    for word, key in (("come in", "enter"), ("go", "leave")):
        rows = [f"{row['source']}:{row['row']}" for row in found[key]]
        more = f", and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        lines.append(f"{len(rows):,} rows {word}{': ' * bool(rows)}{', '.join(rows[:SHOWN])}{more}")
    doubts = "; ".join(found["doubts"])
    lines.append("exact: a run selects these rows" if found["exact"] else f"estimate: {doubts}")
    return lines

"""`mods contamination`: rows that repeat prompts of a test to come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import (
    AGAINST,
    CACHE,
    READING,
    SHOWING,
    Several,
    TakesSeveral,
    as_options,
    given,
    registry_of,
    show,
    with_options,
)

if TYPE_CHECKING:
    from mods.api.contamination import Found
    from mods.overlap.overlaps import Overlap

EPILOG = """\b
Examples:
  mods contamination data.jsonl --against test.jsonl
  mods contamination a.json b.parquet --against tests/*.jsonl --fail
  mods contamination data.jsonl --against test.jsonl --embedder sentence-transformer --near 0.95
  mods contamination data.jsonl --against test.jsonl --json

\b
--against takes all files up to the next option. Prompts need no responses: {"instruction": "…"},
{"prompt": "…"} or {"messages": […]} will do. docs/contamination.md says when a row counts.
"""
WIDTH = 80
"""Characters of the overlapping words that are shown."""
FOUND = 3
"""Exit code with --fail where a row repeats a prompt."""


@click.command(cls=TakesSeveral, epilog=EPILOG)
@click.argument("data", nargs=-1, required=True)
@click.option("--against", cls=Several, required=True, metavar="FILE…", help=AGAINST)
@click.option(
    "--embedder", metavar="NAME[:k=v,…]", help="Find rows near a prompt by their embedding, too."
)
@click.option(
    "--near",
    type=float,
    metavar="COSINE",
    help="With --embedder: the cosine from which a row is near.  [default: 0.9]",
)
@click.option("--fail", is_flag=True, help=f"Exit with {FOUND} where a row repeats a prompt.")
@with_options(*READING, CACHE, *SHOWING)
@click.pass_context
def contamination(
    ctx: click.Context,
    /,
    data: tuple[str, ...],
    against: tuple[str, ...],
    embedder: str | None,
    near: float | None,
    fail: bool,
    cache: Path | None,
    quiet: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Find the rows of DATA that repeat prompts which the model will be tested on.

    Words are compared in any script, without case and punctuation: whole prompts, 13-grams and
    8-grams of words. Nothing is written; `mods run --against` leaves such rows out.
    """
    from mods.api.contamination import look
    from mods.api.inputs import How
    from mods.overlap.near import NEAR
    from mods.progress import Progress
    from mods.settings.choice import Choice

    if near is not None and embedder is None:
        raise click.UsageError("--near needs --embedder.")
    found = look(
        data,
        against,
        registry_of(ctx),
        embedder=None if embedder is None else Choice.parse(embedder),
        near=NEAR if near is None else near,
        how=How(**given(reading)),
        cache=cache,
        progress=Progress(quiet=quiet, worded=as_options),
    )
    if as_json:
        click.echo(json.dumps([overlap.as_dict() for overlap in found.overlaps], indent=2))
    else:
        show(told(found))
    if fail and found.overlaps:
        ctx.exit(FOUND)


def told(found: Found) -> str:
    """Return a table of the rows that were found, and how many there are."""
    rows = {(overlap.source, overlap.row) for overlap in found.overlaps}
    asked = {(overlap.set, overlap.prompt) for overlap in found.overlaps}
    sets = Counter(name for name, _ in asked)
    named = ", ".join(f"{name} {count:,}" for name, count in sorted(sets.items()))
    compared = found.reading.rows - len(found.reading.broken)
    total = f"{len(rows):,} of {compared:,} rows repeat {len(asked):,} of {len(found.prompts):,} "
    total += f"prompts ({named})" if named else "prompts"
    if found.reading.broken:
        total += f"; {len(found.reading.broken):,} broken rows were not compared"
    return "\n".join([*table(found.overlaps), total])


def table(overlaps: Sequence[Overlap]) -> list[str]:
    """Return the lines of a table, a row and a prompt each; none where there is nothing."""
    if not overlaps:
        return []
    cells = [("row", "prompt", "kind", "share", "overlap")]
    cells += [
        (f"{o.source}:{o.row}", f"{o.set}:{o.prompt}", o.kind, f"{o.share:.2f}", cut(o.overlap))
        for o in overlaps
    ]
    widths = [max(len(row[at]) for row in cells) for at in range(4)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[4]]) for row in cells]
    return [*(line.rstrip().replace("\n", "\\n") for line in lines), ""]


def cut(text: str) -> str:
    """Shorten a text."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"

"""`mods score`: any quality scorer on any data, without a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mods.commands.options import (
    CACHE,
    DEVICES,
    READING,
    SHOWING,
    as_options,
    executor_of,
    given,
    registry_of,
    show,
    with_options,
)

EPILOG = """\b
Examples:
  mods score data.jsonl --quality coherence -o scores.parquet
  mods score a.json b.json --quality reward-model:model=org/m,batch_tokens=4096 -o scores.parquet
"""


@click.command(epilog=EPILOG)
@click.argument("data", nargs=-1, required=True)
@click.option("--quality", required=True, metavar="NAME[:k=v,…]", help="Quality scorer.")
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Parquet file to write: id, source, row, score, reason.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="INT",
    help="Seed of scorers that have one.",
)
@click.option(
    "--executor", metavar="NAME[:k=v,…]", help="Where the work is done.  [default: local]"
)
@with_options(DEVICES, *READING, CACHE, *SHOWING)
@click.pass_context
def score(
    ctx: click.Context,
    /,
    data: tuple[str, ...],
    quality: str,
    output: Path,
    seed: int,
    executor: str | None,
    devices: str | None,
    cache: Path | None,
    quiet: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Score every row of DATA; higher is better.

    Rows that cannot be read or scored have no score but a reason in the column `reason`;
    duplicates have the score of the row they repeat.
    """
    from mods.api.inputs import How
    from mods.api.score import score_rows
    from mods.progress import Progress
    from mods.settings.choice import Choice

    choice = Choice.parse(quality)
    table = score_rows(
        data,
        choice,
        registry_of(ctx),
        output=output,
        seed=seed,
        executor=Choice.parse(executor_of(executor, devices) or "local"),
        how=How(**given(reading)),
        cache=cache,
        progress=Progress(quiet=quiet, worded=as_options),
    )
    scored = table.num_rows - table["score"].null_count
    if as_json:
        click.echo(json.dumps({"output": str(output), "rows": table.num_rows, "scored": scored}))
    else:
        show(f"{table.num_rows:,} rows, {scored:,} scored by {choice.name}: {output}")

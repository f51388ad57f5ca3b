"""`mods score`: any quality scorer on any data, without a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from mods.commands.options import as_options, data_options, registry_of, show

EPILOG = """\b
Examples:
  mods score data.jsonl --quality coherence -o scores.parquet
  mods score a.json b.json --quality reward-model:model=org/model,batch_size=8 -o scores.parquet
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
@data_options
@click.pass_context
def score(
    ctx: click.Context,
    data: tuple[str, ...],
    quality: str,
    output: Path,
    seed: int,
    schema: str | None,
    columns: Mapping[str, str],
    strict: bool,
    cache: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score every row of DATA; higher is better.

    Rows that cannot be read or scored have no score but a reason in the column `reason`;
    duplicates have the score of the row they repeat.
    """
    from mods.api import score_rows
    from mods.progress import Progress
    from mods.settings.choice import Choice

    choice = Choice.parse(quality)
    table = score_rows(
        data,
        choice,
        registry_of(ctx),
        output=output,
        seed=seed,
        schema=schema,
        columns=columns,
        cache=cache,
        strict=strict,
        progress=Progress(quiet=quiet, worded=as_options),
    )
    scored = table.num_rows - table["score"].null_count
    if as_json:
        click.echo(json.dumps({"output": str(output), "rows": table.num_rows, "scored": scored}))
    else:
        show(f"{table.num_rows:,} rows, {scored:,} scored by {choice.name}: {output}")

"""`mods score`: any quality scorer on any data, without a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from mods.commands.options import check_output, data_options, make_parent

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
    from mods.api import read
    from mods.cached import Part
    from mods.cli import registry_of
    from mods.plugins import Choice
    from mods.progress import Progress
    from mods.scores import score_table, write_table
    from mods.stages.quality import score_records
    from mods.store import default_cache

    progress = Progress(quiet=quiet)
    registry = registry_of(ctx)
    part = Part.make(registry, "quality", Choice.parse(quality), seed)
    check_output("--output", output, data)
    make_parent(output)
    reading = read(data, registry, schema=schema, columns=columns, strict=strict, progress=progress)
    check_output("--output", output, reading.schemas)  # the files of folders, too
    with progress.listening():
        values = score_records(reading.records, part, cache or default_cache(), progress)
    table = score_table(reading, values)
    write_table(table, output)
    scored = table.num_rows - table["score"].null_count
    if as_json:
        click.echo(json.dumps({"output": str(output), "rows": table.num_rows, "scored": scored}))
    else:
        click.echo(f"{table.num_rows:,} rows, {scored:,} scored by {part.plugin.name}: {output}")

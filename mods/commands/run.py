"""`mods run`: from data and a model to a selection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import (
    AGAINST,
    CACHE,
    DEVICES,
    READING,
    SHOWING,
    Several,
    TakesSeveral,
    as_options,
    executor_of,
    given,
    kind_options,
    registry_of,
    show,
    with_options,
)
from mods.commands.runs.costs import money_per_hour, show_forecast
from mods.commands.runs.show import identity, stages

if TYPE_CHECKING:
    from mods.data.reading import Reading
    from mods.runs.shown.results import Selection
    from mods.selection.plan import Step

EPILOG = """\b
Examples:
  mods run data.jsonl -o RUN --recipe offline --seeds 40 --budget 80
  mods run a.json b.parquet -o RUN --model org/model --alpha 'top 30%' --beta 'bottom 20%'
  mods run a.json --model org/model --dry-run --probe 200 --rate 2.5/h
  mods run a.json -o RUN --model org/model --seeds '500k tokens' --budget '2M tokens'
  mods run data.jsonl -o RUN --quality reward-model:batch_tokens=4096 --set tuning.epochs=2
  mods run data.jsonl -o RUN --model org/model --against tests/*.jsonl
  mods run data.jsonl -o RUN --quality response-length --embedder tfidf --seeds 500 --budget 500

\b
Scorers, embedders, necessity models and selectors: see `mods plugins`. An interrupted run goes on
where it stopped when the same command is given again.
"""


@click.command(cls=TakesSeveral, epilog=EPILOG)
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--output",
    "-o",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="The run folder to write; needed except with --dry-run.",
)
@click.option(
    "--recipe",
    default=None,
    metavar="NAME",
    help="paper, default, offline, or a TOML file.  [default: default]",
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file of settings, laid over the recipe.",
)
@click.option(
    "--model",
    metavar="MODEL[:k=v,…]",
    help="The model to select for: hub id, folder or GGUF file, with options of loading it.",
)
@kind_options
@click.option(
    "--alpha", metavar="CUT", help="Quality rows must pass: 0.5 (above), 'top 30%' or 'top 5000'."
)
@click.option(
    "--embed-text",
    type=click.Choice(["prompt", "instruction", "both"]),
    help="What is embedded: the prompt with its input, the instruction alone, or "
    "prompt and response.",
)
@click.option(
    "--beta",
    metavar="CUT",
    help="Rows answered worse are necessary: -1.0 (below), 'bottom 30%', 'bottom 5000'.",
)
@click.option(
    "--seeds", metavar="K", help="Rows of the first coverage pass, or tokens: '500k tokens'."
)
@click.option(
    "--budget",
    metavar="N",
    help="Rows of the selection, or tokens: '2M tokens'; with N = K no model is tuned.",
)
@click.option(
    "--count",
    type=click.Choice(["trained", "all"]),
    help="Tokens that tuning learns, or all that it reads of a row.  [default: trained]",
)
@click.option("--seed", type=int, metavar="INT", help="Seed of everything random.  [default: 0]")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="STAGE.OPTION=VALUE",
    help="Any other setting, e.g. tuning.epochs=2 or selector.threads=1. Repeatable.",
)
@click.option("--overwrite", is_flag=True, help="Replace another run in the folder.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read the data, check models, templates and settings, say what would be done, and stop.",
)
@click.option(
    "--probe",
    type=click.IntRange(min=1),
    metavar="ROWS",
    help="With --dry-run: measure a sample, and say what the run will take and save.",
)
@click.option("--rate", metavar="MONEY/h", help="With --probe: what an hour costs, e.g. '2.5/h'.")
@click.option(
    "--media",
    type=click.Choice(["refuse", "text"]),
    help="Rows with images, sound or films where a part cannot see them: set aside, or judged by "
    "their text alone.  [default: refuse]",
)
@click.option(
    "--against",
    cls=Several,
    metavar="FILE…",
    help=f"{AGAINST} Rows that repeat one leave before they are scored; see `mods contamination`.",
)
@click.option(
    "--near",
    type=float,
    metavar="COSINE",
    help="Rows whose embedding is this close to that of such a prompt leave, too, e.g. 0.9.",
)
@with_options(DEVICES, *READING, CACHE, *SHOWING)
@click.pass_context
def run(
    ctx: click.Context,
    /,
    data: tuple[str, ...],
    output: Path | None,
    recipe: str | None,
    config: Path | None,
    overrides: tuple[str, ...],
    cache: Path | None,
    strict: bool,
    overwrite: bool,
    dry_run: bool,
    probe: int | None,
    rate: str | None,
    quiet: bool,
    as_json: bool,
    executor: str | None,
    devices: str | None,
    **options: Any,
) -> None:
    """Select the rows of DATA that a model needs.

    DATA are files (JSON, JSONL, CSV, Parquet, also .gz), folders or hub ids.
    """
    from mods.api import select
    from mods.progress import Progress
    from mods.settings.layers import make_settings
    from mods.settings.recipes import load_recipe, load_toml

    if (probe and not dry_run) or (rate and not probe):
        raise click.UsageError("--probe goes with --dry-run, and --rate with --probe.")
    if output is None and not dry_run:
        raise click.UsageError("Missing option '--output' / '-o'.")
    options["executor"] = executor_of(executor, devices)
    recipe = recipe or "default"
    settings = make_settings(
        (f"recipe {recipe}", load_recipe(recipe)),
        (str(config), load_toml(config) if config else {}),
        ("command line", given(options)),
        overrides=overrides,
    )
    progress = Progress(quiet=quiet, worded=as_options)
    if probe and dry_run:
        hourly = money_per_hour(rate)
        reading, costs, forecast = select.probe(
            data, settings, registry_of(ctx), rows=probe, cache=cache, progress=progress,
            strict=strict,
        )  # fmt: skip
        show_forecast(reading, costs, forecast, hourly, as_json=as_json)
        return
    if dry_run:
        found = select.dry_run(data, settings, registry_of(ctx), progress=progress, strict=strict)
        show_plan(*found, as_json=as_json)
        return
    assert output is not None
    selection = select.run(
        data,
        settings,
        registry_of(ctx),
        cache=cache,
        progress=progress,
        output=output,
        strict=strict,
        overwrite=overwrite,
    )
    if as_json:
        told = {**selection.manifest["rows"], "tokens": selection.manifest["tokens"]}
        click.echo(json.dumps({"folder": str(output), **told}))
    else:
        show(summary(selection))


def show_plan(reading: Reading, steps: Sequence[Step], *, as_json: bool) -> None:
    """Print what a run would do."""
    rows = {
        "in": reading.rows,
        "records": len(reading.records),
        "duplicates": len(reading.duplicates),
        "broken": len(reading.broken),
    }
    if as_json:
        click.echo(json.dumps({"rows": rows, "steps": [asdict(step) for step in steps]}))
        return
    lines = [f"{'stage':<13} {'work':<14} {'by':<28} {'rows at most':>12}"]
    lines += [f"{s.stage:<13} {s.work:<14} {s.part:<28} {s.rows:>12,}" for s in steps]
    lines.append(
        f"rows in {rows['in']:,} = {rows['records']:,} records + {rows['duplicates']:,} duplicates "
        f"+ {rows['broken']:,} broken; every part was checked, nothing was done"
    )
    show("\n".join(lines))


def summary(selection: Selection) -> str:
    """The table at the end of a run: the stages that decided about rows."""
    rows: Mapping[str, Any] = selection.manifest["rows"]
    lines = [*stages(rows), identity(rows)]
    if (tokens := selection.manifest["tokens"]) is not None:
        settings = selection.manifest["makes"]["settings"]
        lines.append(
            f"tokens ({settings['count']}) {tokens['selected']:,} selected, {tokens['seeds']:,} of "
            f"them with the seeds; asked: seeds {settings['seeds']}, budget {settings['budget']}"
        )
    folder = selection.folder
    assert folder is not None
    lines += [
        "",
        f"selection   {folder / 'selected.jsonl'}",
        f"receipts    {folder / 'receipts.parquet'}   (mods why {folder} ROW)",
        f"report      {folder / 'report.html'}   (open it in a browser)",
        f"quarantine  {folder / 'quarantine.jsonl'}",
    ]
    return "\n".join(lines)

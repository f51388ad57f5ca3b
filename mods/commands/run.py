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
    READING,
    SHOWING,
    Several,
    TakesSeveral,
    as_options,
    given,
    kind_options,
    registry_of,
    show,
    with_options,
)

if TYPE_CHECKING:
    from mods.data.reading import Reading
    from mods.selection.plan import Step
    from mods.selection.result import Selection

EPILOG = """\b
Examples:
  mods run data.jsonl -o RUN --recipe offline --seeds 40 --budget 80
  mods run a.json b.parquet -o RUN --model org/model --alpha 'top 30%' --beta 'bottom 20%'
  mods run a.json --model org/model --dry-run
  mods run data.jsonl -o RUN --quality reward-model:batch_size=8 --set tuning.epochs=2
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
@click.option("--seeds", type=int, metavar="K", help="Rows of the first coverage pass.")
@click.option(
    "--budget", type=int, metavar="N", help="Rows of the selection; with N = K no model is tuned."
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
@with_options(*READING, CACHE, *SHOWING)
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
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Select the rows of DATA that a model needs.

    DATA are files (JSON, JSONL, CSV, Parquet, also .gz), folders or hub ids.
    """
    from mods import api
    from mods.progress import Progress
    from mods.settings.layers import make_settings
    from mods.settings.recipes import load_recipe, load_toml

    if output is None and not dry_run:
        raise click.UsageError("Missing option '--output' / '-o'.")
    recipe = recipe or "default"
    settings = make_settings(
        (f"recipe {recipe}", load_recipe(recipe)),
        (str(config), load_toml(config) if config else {}),
        ("command line", given(options)),
        overrides=overrides,
    )
    progress = Progress(quiet=quiet, worded=as_options)
    if dry_run:
        found = api.dry_run(data, settings, registry_of(ctx), progress=progress, strict=strict)
        show_plan(*found, as_json=as_json)
        return
    assert output is not None
    selection = api.run(
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
        click.echo(json.dumps({"folder": str(output), **selection.manifest["rows"]}))
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
    lines = [f"{'stage':<13} {'selected':>9} {'rejected':>9} {'quarantined':>12}"]
    decided = [
        (stage, counts) for stage, counts in rows["by_stage"].items() if any(counts.values())
    ]
    for stage, counts in [*decided, ("total", rows["totals"])]:
        lines.append(
            f"{stage:<13} {counts['selected']:>9,} {counts['rejected']:>9,} "
            f"{counts['quarantined']:>12,}"
        )
    totals = rows["totals"]
    lines.append(
        f"rows in {rows['in']:,} = {totals['selected']:,} selected + {totals['rejected']:,} "
        f"rejected + {totals['quarantined']:,} quarantined"
    )
    folder = selection.folder
    assert folder is not None
    lines += [
        "",
        f"selection   {folder / 'selected.jsonl'}",
        f"receipts    {folder / 'receipts.parquet'}   (mods why {folder} ROW)",
        f"picture     {folder / 'report.png'}",
        f"quarantine  {folder / 'quarantine.jsonl'}",
    ]
    return "\n".join(lines)

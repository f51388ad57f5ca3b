"""`mods bench`: speed on the user's own machine and data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

COUNT = click.IntRange(min=1)


@click.group()
def bench() -> None:
    """Measure the speed of selection on this machine."""


@bench.command("kcenter")
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path),
    help="Your embeddings, a .npy file of float32 or float16 rows.",
)
@click.option(
    "--rows", type=COUNT, default=75_000, show_default=True, help="Rows of a synthetic set."
)
@click.option(
    "--dim", type=COUNT, default=384, show_default=True, help="Dimensions of a synthetic set."
)
@click.option("-k", "--k", type=COUNT, default=1000, show_default=True, help="Rows to pick.")
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="CPU threads; 0 takes all that may be used.",
)
@click.option(
    "--repeats", type=COUNT, default=3, show_default=True, help="Runs of each; the median counts."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def kcenter(
    embeddings: Path | None,
    rows: int,
    dim: int,
    k: int,
    threads: int,
    repeats: int,
    as_json: bool,
) -> None:
    """Time exact k-center greedy against brute force on this machine."""
    from mods.errors import SettingsError
    from mods.files import read_array
    from mods.kcenter.bench import bench_kcenter, format_kcenter

    x = None if embeddings is None else read_array(embeddings)
    try:
        result = bench_kcenter(x, rows, dim, k, threads=threads, repeats=repeats)
    except ValueError as error:
        raise SettingsError(f"{embeddings or 'bench kcenter'}: {error}") from error
    click.echo(json.dumps(asdict(result), indent=2) if as_json else format_kcenter(result))

"""`mods kcenter`: exact k-center greedy on an array of vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import as_options, show

if TYPE_CHECKING:
    pass

EPILOG = """\b
Examples:
  mods kcenter vectors.npy -k 1000 -o picks.npy
  mods kcenter vectors.npy -k 500 --initial seeds.npy --metric cosine -o more.npy
"""


@click.command(epilog=EPILOG)
@click.argument("vectors", metavar="EMB.npy", type=click.Path(path_type=Path))
@click.option("-k", "--k", type=int, required=True, metavar="K", help="Rows to pick.")
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File for the picks: int64 .npy in pick order.",
)
@click.option(
    "--radii",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File for the covering radius after each pick: float32 .npy.",
)
@click.option(
    "--initial",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Row numbers (from 0) of fixed centres, .npy; they are not picked again.",
)
@click.option("--first", type=int, metavar="ROW", help="First pick.  [default: drawn from --seed]")
@click.option(
    "--metric",
    type=click.Choice(["euclidean", "cosine"]),
    default="euclidean",
    show_default=True,
    help="Distance.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the first pick.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--threads", type=int, default=0, show_default=True, help="0: all that may be used.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def kcenter(
    vectors: Path,
    k: int,
    output: Path,
    radii: Path | None,
    initial: Path | None,
    first: int | None,
    metric: Any,
    seed: int,
    device: str,
    threads: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Pick K rows of EMB.npy, each the farthest from all before it.

    EMB.npy holds float32 or float16 vectors, one a row. It is read memory-mapped and may be larger
    than the memory.
    """
    from mods.errors import SettingsError
    from mods.files import check_output, make_folder, read_array, write_array
    from mods.kcenter import kcenter_greedy
    from mods.progress import Progress

    inputs = [vectors] if initial is None else [vectors, initial]
    check_output("output", output, inputs)
    if radii is not None:
        check_output("radii", radii, [*inputs, output])
    rows = read_array(vectors)
    fixed = None if initial is None else read_array(initial)
    for file in (output, radii):
        if file is not None:
            make_folder(file.parent)
    progress = Progress(quiet=quiet, worded=as_options)
    with progress.listening(), progress.bar("k-center", k) as advance:
        done = 0

        def told(picked: int, radius: float) -> None:
            nonlocal done
            advance(picked - done)
            done = picked

        try:
            picks = kcenter_greedy(
                rows,
                k,
                initial=fixed,
                first=first,
                seed=seed,
                metric=metric,
                device=device,
                threads=threads,
                progress=told,
            )
        except ValueError as error:
            raise SettingsError(f"{vectors}: {error}") from error
        advance(len(picks.indices) - done)
    write_array(output, picks.indices)
    if radii is not None:
        write_array(radii, picks.radii)
    radius = float(picks.radii[-1]) if len(picks.radii) else None
    if as_json:
        click.echo(
            json.dumps({"output": str(output), "picked": len(picks.indices), "radius": radius})
        )
    else:
        show(
            f"{len(picks.indices):,} of {len(rows):,} rows picked, covering radius "
            f"{'-' if radius is None else format(radius, '.6g')}: {output}"
        )

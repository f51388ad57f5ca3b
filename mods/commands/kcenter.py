"""`mods kcenter`: exact k-center greedy on an array of vectors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import check_output, make_parent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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
    from mods.kcenter import kcenter_greedy
    from mods.progress import Progress

    inputs = [vectors] if initial is None else [vectors, initial]
    check_output("--output", output, inputs)
    if radii is not None:
        check_output("--radii", radii, [*inputs, output])
    rows = load_array(vectors)
    fixed = None if initial is None else load_array(initial)
    for file in (output, radii):
        if file is not None:
            make_parent(file)
    progress = Progress(quiet=quiet)
    with progress.listening(), progress.bar("k-center", k) as advance:
        done = 0

        def show(picked: int, radius: float) -> None:
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
                progress=show,
            )
        except ValueError as error:
            raise SettingsError(f"{vectors}: {error}") from error
        advance(len(picks.indices) - done)
    save_array(output, picks.indices)
    if radii is not None:
        save_array(radii, picks.radii)
    radius = float(picks.radii[-1]) if len(picks.radii) else None
    if as_json:
        click.echo(
            json.dumps({"output": str(output), "picked": len(picks.indices), "radius": radius})
        )
    else:
        click.echo(
            f"{len(picks.indices):,} of {len(rows):,} rows picked, covering radius "
            f"{'-' if radius is None else format(radius, '.6g')}: {output}"
        )


def load_array(path: Path) -> npt.NDArray[Any]:
    """Open a .npy file memory-mapped; never unpickles."""
    import numpy as np

    from mods.errors import DataError

    try:
        loaded: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is not a .npy file of numbers: {error}") from error
    return loaded


def save_array(path: Path, values: npt.NDArray[np.generic]) -> None:
    """Write a .npy file next to its place, then move it there."""
    import numpy as np

    from mods.runfolder import writing

    with writing(path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                np.save(file, values, allow_pickle=False)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

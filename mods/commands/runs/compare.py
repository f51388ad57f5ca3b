"""`mods compare`: what several runs share, and how their scorers agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mods.commands.options import JSON, show

EPILOG = """\b
Examples:
  mods compare RUN-1 RUN-2
  mods compare RUN-1 RUN-2 RUN-3 -o compare.html
"""
WIDTH = 24
"""Characters of a column."""


@click.command(epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="HTML file to write as well.",
)
@JSON
def compare(runs: tuple[Path, ...], output: Path | None, as_json: bool) -> None:
    """Compare the run folders RUNS: selections, sources, scores, and how the scores agree.

    Rows are known by what they say, so runs on different files can be compared. Scores agree as far
    as they rank the same rows in the same order (Spearman).
    """
    from mods.files import check_output, make_folder
    from mods.runs.compare import compare as found_in
    from mods.runs.folder import WRITTEN

    if output is not None:
        check_output("output", output, [run / name for run in runs for name in WRITTEN])
    found = found_in(runs)
    if output is not None:
        from mods.runs.report.comparison import write_comparison

        make_folder(output.parent)
        write_comparison(found, output)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        show("\n".join([*lines_of(found), *([f"\n{output}"] if output else [])]))


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Tell a comparison in tables."""
    names = [run["name"] for run in found["runs"]]
    each = range(len(names))
    lines = line("", names)
    lines += line("rows in", [run["in"] for run in found["runs"]])
    lines += line("selected", [run["selected"] for run in found["runs"]])
    lines += line("selected alone", [own["rows"] for own in found["alone"]])
    for name, settings in settings_of(found).items():
        lines += line(name, settings)
    lines += ["", f"selected by all: {found['in all']:,}", "", "overlap (rows, Jaccard index)"]
    for i in each:
        cells = [f"{found['shared'][i][j]:,} ({found['overlap'][i][j]:.2f})" for j in each]
        lines += line(names[i], cells)
    lines += ["", "selected by source"]
    for source, counts in found["sources"].items():
        lines += line(source, counts)
    lines += ["", "mean score (of the selected rows)"]
    for score, cells in found["scores"].items():
        lines += line(score, [mean_of(cell) for cell in cells])
    lines += ["", "agreement of scores (Spearman)"]
    scores, rho = found["agreement"]["scores"], found["agreement"]["rho"]
    lines += [f"  {i + 1} {score}" for i, score in enumerate(scores)]
    lines.append("   " + "".join(f"{i + 1:>7}" for i in range(len(scores))))
    for i, row in enumerate(rho):
        cells = ["      –" if value is None else f"{value:>7.2f}" for value in row]
        lines.append(f"{i + 1:>3}{''.join(cells)}")
    return lines


def settings_of(found: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the settings that are not the same in all runs."""
    settings = [run["settings"] for run in found["runs"]]
    names = dict.fromkeys(name for one in settings for name in one)
    cells = {name: [one.get(name, "-") for one in settings] for name in names}
    return {name: values for name, values in cells.items() if len(set(map(str, values))) > 1}


def mean_of(cell: Mapping[str, Any] | None) -> str:
    """Write the means of a score."""
    if cell is None or cell["mean"] is None:
        return "-"
    of_selected = cell["mean selected"]
    return f"{cell['mean']:.4g}" + ("" if of_selected is None else f" ({of_selected:.4g})")


def line(name: str, cells: Sequence[Any]) -> list[str]:
    """Return one line of a table."""
    texts = [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells]
    short = [text if len(text) < WIDTH else f"…{text[2 - WIDTH :]}" for text in texts]
    return [f"{name:<{WIDTH}}" + "".join(f"{text:>{WIDTH}}" for text in short)]

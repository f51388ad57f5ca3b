"""`mods report`: the page of a run, drawn again."""

from __future__ import annotations

from pathlib import Path

import click

from mods.commands.options import show

EPILOG = """\b
Examples:
  mods report RUN
  mods report RUN -o report.html
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The page to write.  [default: report.html in RUN]",
)
def report(run: Path, output: Path | None) -> None:
    """Draw the page of the run folder RUN: overview, scores, what-if, map, and every row.

    `mods run` has drawn it already; this draws it again, from the folder alone. The page is one
    file, opens in any browser, and asks nothing of a network.
    """
    from mods.runs.report.page import report_on

    show(str(report_on(run, output)))

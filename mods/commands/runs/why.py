"""`mods why`: the whole story of a row."""

from __future__ import annotations

import json
from pathlib import Path

import click

EPILOG = """\b
Examples:
  mods why RUN 17
  mods why RUN data.jsonl:17
  mods why RUN 3f9c2d
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("row")
@click.option("--json", "as_json", is_flag=True, help="Print the receipts as JSON.")
def why(run: Path, row: str, as_json: bool) -> None:
    """Tell what happened to a row of the run folder RUN, and why.

    ROW is a row number (from 1), FILE:ROW where several files were read, or an id or the start
    of one.
    """
    from mods.runs.why import find_receipts, tell

    receipts, manifest = find_receipts(run, row)
    if as_json:
        click.echo(json.dumps(receipts, indent=2))
        return
    click.echo("\n\n".join(tell(receipt, manifest) for receipt in receipts))

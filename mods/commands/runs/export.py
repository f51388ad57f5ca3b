"""`mods export`: a finished selection for those who train on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import JSON, registry_of, show

if TYPE_CHECKING:
    from mods.runs.export.folder import Export

EPILOG = """\b
Examples:
  mods export RUN --to trl
  mods export RUN --to llama-factory -o data/mine --order shuffled --seed 7
  mods export RUN --to axolotl:model=org/model,turns=all
  mods export RUN --to datasets --license cc-by-4.0 --push-to-hub me/my-selection

\b
Exporters that come with mods: trl, llama-factory, axolotl, ms-swift, messages, alpaca, datasets.
docs/export.md says what each of them writes, and which rows it refuses.
"""
SHOWN = 5
"""So many refused rows are named; refused.jsonl names all."""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="NAME[:k=v,…]", help="Exporter: for which trainer.")
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write.  [default: RUN-NAME, beside RUN]",
)
@click.option(
    "--order",
    type=click.Choice(["pick", "shuffled"]),
    default="pick",
    show_default=True,
    help="As the rows were picked, or shuffled.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="INT", help="Of shuffling.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    help="Licence of the whole, for the card: e.g. cc-by-4.0.  [default: what all rows name]",
)
@click.option(
    "--push-to-hub", metavar="USER/NAME", help="Push it to the Hugging Face hub; HF_TOKEN is used."
)
@click.option("--public", is_flag=True, help="Make the pushed data set public.")
@click.option("--overwrite", is_flag=True, help="Replace an older export in the folder.")
@JSON
@click.pass_context
def export(
    ctx: click.Context,
    /,
    run: Path,
    to: str,
    output: Path | None,
    push_to_hub: str | None,
    public: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Write the selection of the run folder RUN the way a trainer reads it.

    Rows with something that the trainer has no place for are refused, counted and listed in
    refused.jsonl; nothing is left out without a word. A card (README.md) says where the rows come
    from and how to make them again.
    """
    from mods.api.export import export_run
    from mods.runs.export.folder import How
    from mods.settings.choice import Choice

    made = export_run(
        run,
        Choice.parse(to),
        registry_of(ctx),
        output=output,
        how=How(**how),
        push_to_hub=push_to_hub,
        public=public,
    )
    if as_json:
        click.echo(json.dumps(plain(made), indent=2))
    else:
        show("\n".join(lines_of(made)))


def plain(made: Export) -> dict[str, Any]:
    """Return an export as plain JSON values."""
    return {
        "folder": str(made.folder),
        "selected": made.selected,
        "exported": made.exported,
        "refused": [vars(refusal) for refusal in made.refused],
        "files": dict(made.files),
    }


def lines_of(made: Export) -> list[str]:
    """Tell an export in a few lines."""
    lines = [
        f"{made.selected:,} rows selected = {made.exported:,} exported + {len(made.refused):,} "
        f"refused: {made.folder}"
    ]
    lines += [f"  {r.source}:{r.row}  {r.reason}" for r in made.refused[:SHOWN]]
    if len(made.refused) > SHOWN:
        lines.append(f"  and {len(made.refused) - SHOWN:,} more: refused.jsonl")
    return [*lines, f"files: {', '.join(made.files)}"]

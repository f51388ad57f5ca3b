"""`mods read`: how data is read, before anything is run on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import (
    READING,
    SHOWING,
    as_options,
    given,
    registry_of,
    show,
    with_options,
)

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.data.reading import Reading
    from mods.records import Message, Record

EPILOG = """\b
Examples:
  mods read data.jsonl
  mods read data.csv --columns instruction=frage,output=antwort --rows 5
  mods read folder/ --json
  mods read --prompts test_set.jsonl
"""
WIDTH = 300
"""Characters of a text that are shown."""


@click.command(epilog=EPILOG)
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Rows to show.",
)
@click.option("--prompts", is_flag=True, help="DATA are prompts of a test: answers are optional.")
@with_options(*READING, *SHOWING)
@click.pass_context
def read(
    ctx: click.Context,
    /,
    data: tuple[str, ...],
    rows: int,
    prompts: bool,
    quiet: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Say how DATA is read: schema, columns, what is not used, broken rows, a few records.

    The first command to type on new data: nothing is scored, and nothing is written.
    """
    from mods.api.inputs import How, prompts_of, read_data
    from mods.progress import Progress

    how = How(**given(reading))
    if prompts:
        asked = prompts_of(data, registry_of(ctx), how)
        sets = sets_as_dict(asked, rows)
        show(json.dumps(sets, indent=2) if as_json else told_prompts(sets))
        return
    found = read_data(data, registry_of(ctx), how, Progress(quiet=quiet, notes=False))
    if as_json:
        click.echo(json.dumps(as_dict(found, rows), indent=2))
    else:
        show(as_options(told(found, rows)))


def as_dict(found: Reading, rows: int) -> dict[str, Any]:
    """Return all that is told as plain JSON values."""
    return {
        "rows": found.rows,
        "records": len(found.records),
        "duplicates": len(found.duplicates),
        "broken": [
            {"source": row.source, "row": row.row, "reason": row.reason} for row in found.broken
        ],
        "notes": found.notes,
        "sources": {source: view.as_dict() for source, view in found.views.items()},
        "shown": [
            {
                "source": record.source,
                "row": record.row,
                "id": record.id,
                "turns": [turn.as_json() for turn in record.messages],
                "tools": list(record.conversation.tools),
            }
            for record in found.records[:rows]
        ],
    }


def sets_as_dict(asked: Sequence[Prompt], rows: int) -> dict[str, Any]:
    """Return by set what is told of prompts as plain JSON values."""
    sets: dict[str, list[Prompt]] = {}
    for prompt in asked:
        sets.setdefault(prompt.set, []).append(prompt)
    return {
        name: {
            "source": found[0].source,
            "prompts": len(found),
            "references": sum(prompt.reference is not None for prompt in found),
            "shown": [
                {
                    "row": prompt.row,
                    "turns": [turn.as_json() for turn in prompt.conversation.turns],
                    "reference": prompt.reference,
                }
                for prompt in found[:rows]
            ],
        }
        for name, found in sets.items()
    }


def told_prompts(sets: Mapping[str, Any]) -> str:
    """Say how prompts were read."""
    lines = []
    for name, found in sets.items():
        lines.append(f"{name}: {found['prompts']:,} prompts, {found['references']:,} references")
        for shown in found["shown"]:
            lines += ["", f"{found['source']}:{shown['row']}"]
            lines += [f"  {turn[0]:<10} {cut(turn[1])}" for turn in shown["turns"]]
            if shown["reference"]:
                lines.append(f"  {'reference':<10} {cut(shown['reference'])}")
    return "\n".join(lines)


def told(found: Reading, rows: int) -> str:
    """Say how the data was read."""
    lines = found.told
    lines.append(
        f"rows in {found.rows:,} = {len(found.records):,} records + {len(found.duplicates):,} "
        f"duplicates + {len(found.broken):,} broken"
    )
    lines += [f"broken: {row.source}:{row.row}: {row.reason}" for row in found.broken[:rows]]
    for record in found.records[:rows]:
        lines += ["", *shown(record)]
    return "\n".join(lines)


def shown(record: Record) -> list[str]:
    """Render a record, one line a part."""
    lines = [f"{record.source}:{record.row}  {record.id}"]
    lines += [f"  tool       {cut(tool)}" for tool in record.conversation.tools]
    for turn in record.messages:
        lines += turn_lines(turn)
    return lines


def turn_lines(turn: Message) -> list[str]:
    """Render a turn."""
    lines = [f"  thinking   {cut(turn.reasoning)}"] if turn.reasoning else []
    lines += [f"  {medium.kind:<10} {cut(medium.reference)}" for medium in turn.media]
    weight = "" if turn.weight is None else f"  (weight {turn.weight:g})"
    lines.append(f"  {turn.role:<10} {cut(turn.text)}{weight}")
    return lines


def cut(text: str) -> str:
    """Put a text on one line, and shorten it."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}… ({len(text):,} characters)"

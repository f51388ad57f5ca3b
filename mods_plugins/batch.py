"""`mods batch`: results of an OpenAI batch, taken for the run that wrote its requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods import hookimpl

if TYPE_CHECKING:
    from mods_plugins.openai.batch import Read

SHOWN = 5
"""How many ids, places and reasons of a kind are told."""
FOLDER = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

EPILOG = """\b
Example:
  mods run data.jsonl -o RUN --model org/model --alpha 'top 30%' \\
      --quality llm-judge:server=https://api.example.com/v1,model=judge,batch=judged
  # … stops: 2,314 requests wait for answers in judged/requests-001.jsonl
  # have them answered by the service, or: vllm run-batch -i judged/requests-001.jsonl -o done.jsonl
  mods batch read judged done.jsonl
  # … and the same `mods run` again
"""


@click.group(epilog=EPILOG)
def batch() -> None:
    """Answers from batch endpoints.

    With batch=FOLDER the generator `openai` and the judge `llm-judge` ask no server: the run stops
    where it would, with the requests in FOLDER. Once their results are read, the same command goes
    on.
    """


@batch.command()
@FOLDER
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@JSON
def read(folder: Path, results: tuple[Path, ...], as_json: bool) -> None:
    """Take the RESULTS of a batch whose requests are in FOLDER.

    Every line is held against the requests: what is missing, foreign, broken, contradicting or of
    another model is told and not taken. What failed in passing is asked again by the next run.
    """
    from mods_plugins.openai.batch import BatchFolder

    found = BatchFolder(folder.expanduser()).read([file.expanduser() for file in results])
    click.echo(json.dumps(found.as_dict()) if as_json else "\n".join(lines(found)))


@batch.command()
@FOLDER
@JSON
def show(folder: Path, as_json: bool) -> None:
    """Say how many requests in FOLDER have results, and how many wait."""
    from mods_plugins.openai.batch import BatchFolder

    place = BatchFolder(folder.expanduser())
    asked = place.asked()
    done = len(asked.keys() & place.results.keys())
    told: dict[str, Any] = {"requests": len(asked), "results": done, "waiting": len(asked) - done}
    told["files"] = [file.name for file in place.files]
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"{told['requests']:,} requests, {done:,} with results, {told['waiting']:,} waiting")


def lines(found: Read) -> Iterator[str]:
    """Yield what was found in files of results, a line a kind."""
    from mods.wording import printable

    yield f"{found.answered:,} answers taken"
    counted = (("refused", found.refused), ("failed, to be asked again", found.failed))
    for what, reasons in counted:
        for reason, number in reasons.most_common(SHOWN):
            yield printable(f"{number:,} {what}: {reason}")
    if found.repeated:
        yield f"{found.repeated:,} were there already"
    told = (
        ("with an id that nobody asked for, not taken", found.foreign),
        ("contradict the result that was there, not taken", found.contradicting),
        ("are no results", found.unread),
    )
    for what, items in told:
        if items:
            some = ", ".join(items[:SHOWN]) + (", …" if len(items) > SHOWN else "")
            yield printable(f"{len(items):,} {what}: {some}")
    if found.missing:
        yield f"{found.missing:,} requests have no result yet"


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add `mods batch`."""
    cli.add_command(batch)

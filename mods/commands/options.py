"""Options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def parse_columns(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Mapping[str, str]:
    """Read `field=column,…`; a column is taken as it is, blanks and commas included."""
    from mods.errors import SettingsError

    columns: dict[str, str] = {}
    for pair in re.split(r",(?=\s*\w+=)", value) if value else []:
        name, equals, column = pair.partition("=")
        name = name.strip()
        if not (name and equals and column):
            raise SettingsError(f"--columns: {pair!r} is not FIELD=COLUMN")
        if name in columns:
            raise SettingsError(
                f"--columns: the field {name!r} is named twice, as {columns[name]!r} and "
                f"{column!r}: name every field once"
            )
        columns[name] = column
    return columns


def expand_home(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Replace a leading `~`, which a shell leaves alone in quotes."""
    return None if value is None else value.expanduser()


def check_output(option: str, output: Path, others: Iterable[str | Path]) -> None:
    """Refuse an output that is a folder, or that would overwrite one of the files in `others`."""
    from mods.errors import SettingsError

    if output.is_dir():
        raise SettingsError(f"{option} {output} is a folder: name a file, e.g. {output / 'out'}")
    place = os.path.realpath(output)
    for other in others:
        if os.path.realpath(other) == place:
            raise SettingsError(
                f"{option} {output} would overwrite {other}, which this command needs: "
                f"choose another file for {option}"
            )


def make_parent(output: Path) -> None:
    """Make the folder of an output file."""
    from mods.runfolder import writing

    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)


def data_options(command: Command) -> Command:
    """Add what every command needs that reads data."""
    for decorate in (
        click.option(
            "--schema",
            metavar="NAME",
            help="Force a schema: alpaca, sharegpt, messages or prompt-completion. "
            "Default: recognised from the data.",
        ),
        click.option(
            "--columns",
            metavar="FIELD=COLUMN,…",
            callback=parse_columns,
            help="Name the columns yourself, e.g. instruction=question,output=answer.",
        ),
        click.option(
            "--strict",
            is_flag=True,
            help="Stop at the first broken row instead of setting it aside.",
        ),
        click.option(
            "--cache",
            metavar="DIR",
            type=click.Path(path_type=Path),
            callback=expand_home,
            help="Where scores, vectors and answers are kept. "
            "Default: $MODS_CACHE or ~/.cache/mods.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="No progress on standard error."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ):
        command = decorate(command)
    return command

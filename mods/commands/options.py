"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def parse_columns(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Mapping[str, str]:
    """Read `field=column,…`."""
    from mods.plugins import split_pair

    return dict(split_pair(pair) for pair in value.split(",")) if value else {}


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
            help="Where scores, vectors and answers are kept. "
            "Default: $MODS_CACHE or ~/.cache/mods.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="No progress on standard error."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ):
        command = decorate(command)
    return command

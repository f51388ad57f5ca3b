"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mods.interfaces import KINDS
from mods.wording import printable

if TYPE_CHECKING:
    from mods.plugins.origin import Sources
    from mods.plugins.registry import Registry

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


def show(text: str) -> None:
    """Print a result; names of files may hold what a terminal must not see."""
    click.echo(printable(text))


class Several(click.Option):
    """An option that takes all values up to the next option: `--against a b` is two of them.

    What a shell makes of `--against tests/*.jsonl`; the command must be `TakesSeveral`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "multiple": True})


class TakesSeveral(click.Command):
    """A command with options that take several values; `--` ends them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each value its option."""
        flags = {flag for p in self.params if isinstance(p, Several) for flag in p.opts}
        spread: list[str] = []
        flag = ""
        for at, arg in enumerate(args):
            if arg == "--":
                spread += args[at:]
                break
            if arg.startswith("-") and arg != "-":
                flag = arg if arg in flags else ""
                spread.append(arg)
            elif flag and spread[-1] != flag:
                spread += [flag, arg]
            else:
                spread.append(arg)
        return super().parse_args(ctx, spread)


def kind_options(command: Command) -> Command:
    """Add an option for every kind of plug-in that a run chooses."""
    for kind in reversed([kind for kind in KINDS if kind.chosen]):
        usual = f"  [default: {kind.default}]" if kind.default else ""
        option = click.option(f"--{kind.name}", metavar="NAME[:k=v,…]", help=kind.help + usual)
        command = option(command)
    return command


def as_options(text: str) -> str:
    """Show the settings that a message of the library names in backticks as options."""
    return re.sub(r"`([a-z][a-z_-]*)`", lambda found: option_of(found[1]) or found[0], text)


def option_of(setting: str) -> str | None:
    """Return the option of a setting, or None for a word that is no setting."""
    context = click.get_current_context(silent=True)
    option = f"--{setting.replace('_', '-')}"
    known = context is not None and option in flags_of(context.find_root().command)
    return option if known else None


def flags_of(command: click.Command) -> Iterator[str]:
    """The options of a command and of all its commands."""
    yield from (flag for parameter in command.params for flag in parameter.opts)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from flags_of(child)


def registry_of(ctx: click.Context) -> Registry:
    """Load all plug-ins, once per call of `mods`."""
    from mods.plugins.loading import load_plugins
    from mods.plugins.registry import Registry

    root = ctx.find_root()
    if not isinstance(root.obj, Registry):
        root.obj = load_plugins(plugin_sources(root))
    return root.obj


def plugin_sources(root: click.Context, **more: Any) -> Sources:
    """The plug-in files and folders named on the command line."""
    from mods.plugins.origin import Sources

    files = tuple(Path(file).absolute() for file in root.params.get("plugin") or ())
    folders = tuple(Path(folder).absolute() for folder in root.params.get("plugins_dir") or ())
    return Sources(files, folders, **more)


READING = (
    click.option(
        "--schema",
        metavar="NAME",
        help="Force a schema: messages, sharegpt, alpaca, prompt-completion or preference. "
        "Default: recognised from the data.",
    ),
    click.option(
        "--columns",
        metavar="FIELD=COLUMN,…",
        callback=parse_columns,
        help="Name the columns yourself, e.g. instruction=question,output=answer.",
    ),
    click.option(
        "--encoding", metavar="NAME", help="Encoding of text files, e.g. cp1252.  [default: utf-8]"
    ),
    click.option(
        "--max-row-mb",
        metavar="MB",
        type=click.IntRange(min=1),
        help="A larger row is set aside.  [default: 64]",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Stop at the first broken row instead of setting it aside.",
    ),
)
"""How data is read."""
READING_PROMPTS = READING[2:4]
"""How prompts are read: their encoding, and the megabytes of a row."""
AGAINST = "Files, folders or hub ids of prompts that the model will be tested on, in any schema."
"""What `--against` takes."""
DEVICES = click.option(
    "--devices",
    metavar="cuda:0,cuda:1",
    help="Work on rows in a process for each of these devices, or in N by cpu:N; short for "
    "--executor devices:devices=cuda:0+cuda:1.",
)
CACHE = click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(path_type=Path),
    callback=expand_home,
    help="Where scores, vectors and answers are kept. Default: $MODS_CACHE or ~/.cache/mods.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
SHOWING = (
    click.option("--quiet", "-q", is_flag=True, help="No progress on standard error."),
    JSON,
)
"""What is shown."""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, {}, ())}


def executor_of(executor: str | None, devices: str | None) -> str | None:
    """Return the executor that `--executor` or `--devices` asks for."""
    if devices is None:
        return executor
    if executor is not None:
        raise click.UsageError("--devices names an executor of its own: leave out --executor.")
    return f"devices:devices={devices.replace(',', '+')}"


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add options to a command, in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate

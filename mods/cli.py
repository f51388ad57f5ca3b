"""The `mods` command: global options, plug-in loading, and errors told once."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from mods._version import __version__
from mods.commands.bench import bench
from mods.commands.cache import cache
from mods.commands.contamination import contamination
from mods.commands.doctor import doctor
from mods.commands.kcenter import kcenter
from mods.commands.options import as_options, plugin_sources
from mods.commands.plugins import plugins
from mods.commands.read import read
from mods.commands.run import run
from mods.commands.runs.compare import compare
from mods.commands.runs.costs import costs
from mods.commands.runs.export import export
from mods.commands.runs.report import report
from mods.commands.runs.show import show
from mods.commands.runs.what_if import what_if
from mods.commands.runs.why import why
from mods.commands.score import score
from mods.commands.verdict import verdict
from mods.errors import ModsError
from mods.offline import VARIABLE, stay_offline
from mods.progress import tell
from mods.wording import printable

EPILOG = """\b
Examples:
  mods read data.jsonl
  mods run data.jsonl -o RUN --recipe offline
  mods run alpaca.json -o RUN --model org/model --seeds 1000 --budget 2000
  mods show RUN
  mods why RUN 17
  mods verdict RUN --prompts held_out.jsonl
  mods what-if RUN --budget 500
  mods --plugin my_scorer.py score data.jsonl --quality mine -o scores.parquet
"""


OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
SIGNALLED = 128
"""A process that a signal ended exits with this and the number of the signal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run like Ctrl-C, with everything finished kept."""


class ModsGroup(click.Group):
    """Loads plug-ins before a command is looked up, and turns `ModsError` into exit code 1."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; what the user can fix is told in one line without a traceback."""
        try:
            return super().main(*args, **kwargs)
        except ModsError as error:
            with click.Context(self):
                message = as_options(str(error))
            fail(message)
        except MemoryError as error:
            fail(f"out of memory{f': {error}' if str(error) else ''}; use fewer rows, a smaller "
                 "batch_tokens or batch_size, or a machine with more")  # fmt: skip
        except RecursionError:
            fail("something in the input is nested too deeply to be read")
        except BrokenPipeError:  # `mods … | head` closed our output
            drop(sys.stdout)
            sys.exit(1)
        except OSError as error:
            if error.filename is not None or error.errno not in OUTPUT_ERRORS:
                raise
            drop(sys.stdout)
            fail(f"the output cannot be written: {error.strerror}")
        except RuntimeError as error:
            if "can't start new thread" not in str(error):
                raise
            fail("the system starts no more threads: use `--set selector.threads=1`, or raise the "
                 "limit (ulimit -u)")  # fmt: skip

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C and SIGTERM say what is kept."""
        try:
            with terminable():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            kept = ctx.invoked_subcommand in ("run", "score", "verdict")
            more = ": finished batches are kept, the same command goes on" if kept else ""
            tell(f"\ninterrupted{more}")
            number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
            ctx.exit(SIGNALLED + number)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List built-in commands and those of plug-ins."""
        return sorted([*super().list_commands(ctx), *self._added(ctx).commands])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; unknown names may come from a plug-in."""
        builtin = super().get_command(ctx, cmd_name)
        return builtin or self._added(ctx).get_command(ctx, cmd_name)

    def _added(self, ctx: click.Context) -> click.Group:
        # Of the default plug-ins, those that add commands: without the others `--help` is instant.
        root = ctx.find_root()
        if "mods.commands" not in root.meta:
            from mods.plugins.loading import WITH_COMMANDS, load_plugins

            registry = load_plugins(plugin_sources(root, defaults=WITH_COMMANDS))
            root.meta["mods.commands"] = registry.commands(self.commands)
        added: click.Group = root.meta["mods.commands"]
        return added


def fail(message: str) -> NoReturn:
    """Tell an error in one line and end."""
    tell(f"error: {printable(message)}")
    sys.exit(1)


def drop(stream: TextIO | None) -> None:
    """Send what a stream still holds to nowhere, so that Python can end in silence."""
    try:
        number = stream.fileno() if stream else None
    except (OSError, ValueError):
        return
    if number is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end the command the way Ctrl-C does."""

    def stop(*_: Any) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.group(
    cls=ModsGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="mods")
@click.option(
    "--plugin",
    multiple=True,
    metavar="FILE",
    is_eager=True,  # known before --help lists the commands
    type=click.Path(path_type=Path),
    help="Load a plug-in file. May be repeated.",
)
@click.option(
    "--plugins-dir",
    multiple=True,
    metavar="DIR",
    is_eager=True,
    type=click.Path(path_type=Path),
    help="Load every plug-in file of a folder. May be repeated.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Use no network: models and data must be on this machine, servers too.",
)
def main(plugin: tuple[Path, ...], plugins_dir: tuple[Path, ...], offline: bool) -> None:
    """Model-oriented data selection for instruction tuning.

    Chooses, for a given model, the few thousand rows of an instruction data set that it needs:
    good ones (quality), different ones (coverage), and those it answers badly (necessity).
    """
    if offline:
        os.environ[VARIABLE] = "1"
    stay_offline()


for _command in (
    read,
    contamination,
    run,
    score,
    kcenter,
    show,
    why,
    verdict,
    costs,
    report,
    what_if,
    compare,
    export,
    plugins,
    doctor,
    bench,
    cache,
):
    main.add_command(_command)

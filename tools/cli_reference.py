"""Writes docs/cli.md from the `--help` of every command; `--check` only compares.

Usage: python tools/cli_reference.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mods.cli import main

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = "# Command line\n\nWritten from `--help` by `make docs`; do not edit by hand.\n"


def commands(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """Yield one section per command, depth first."""
    with click.Context(
        command, info_name=name, parent=parent, terminal_width=100, max_content_width=100
    ) as ctx:
        yield f"\n## `{ctx.command_path}`\n\n```text\n{command.get_help(ctx)}\n```\n"
        if isinstance(command, click.Group):
            for child in command.list_commands(ctx):
                found = command.get_command(ctx, child)
                assert found is not None
                yield from commands(found, child, ctx)


def reference() -> str:
    """The whole page."""
    return HEAD + "".join(commands(main, "mods", None))


if __name__ == "__main__":
    if "--check" not in sys.argv:
        TARGET.write_text(reference(), encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != reference():
        sys.exit(f"{TARGET} is not what --help says; run: make docs")

"""`axolotl mods …`: the command line of mods within that of axolotl.

The entry point `mods` of the group `axolotl.cli_commands` names `command`. axolotl imports it once
it is called; nothing of axolotl is imported here.
"""

from __future__ import annotations

import click


@click.command(
    "mods",
    short_help="Select the rows of instruction data that a model needs.",
    add_help_option=False,  # `--help` is for mods, too
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Hand all arguments on to mods, which ends the process with its own exit code."""
    from mods.cli import main

    main.main(list(arguments), prog_name="axolotl mods")

"""The hooks a plug-in may implement. Each gets `register` and calls `register(name, factory)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from mods.interfaces import Register

PROJECT = "mods"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_quality_scorers(register: Register) -> None:
    """Register quality scorers (`--quality NAME`)."""


@hookspec
def register_embedders(register: Register) -> None:
    """Register embedders (`--embedder NAME`)."""


@hookspec
def register_selectors(register: Register) -> None:
    """Register selectors (`--selector NAME`)."""


@hookspec
def register_necessity_models(register: Register) -> None:
    """Register necessity models (`--necessity NAME`)."""


@hookspec
def register_trainers(register: Register) -> None:
    """Register trainers (`--trainer NAME`)."""


@hookspec
def register_generators(register: Register) -> None:
    """Register generators (`--generator NAME`)."""


@hookspec
def register_readers(register: Register) -> None:
    """Register readers of data sources; those of plug-ins are asked before the default ones."""


@hookspec
def register_executors(register: Register) -> None:
    """Register executors (`--executor NAME`)."""


@hookspec
def register_arms(register: Register) -> None:
    """Register arms of verdicts (`--arms NAME`)."""


@hookspec
def register_evaluators(register: Register) -> None:
    """Register measures of verdicts (`--measures NAME`)."""


@hookspec
def register_exporters(register: Register) -> None:
    """Register exporters (`mods export --to NAME`)."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the `mods` command line."""

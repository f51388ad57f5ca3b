"""The hooks a plug-in may implement. Each gets `register` and calls `register(name, factory)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pluggy

if TYPE_CHECKING:
    import click

    from mods.interfaces import (
        Embedder,
        ModelBackend,
        NecessityModel,
        PoolScorer,
        QualityScorer,
        Reader,
        Selector,
    )

    RegisterScorer: TypeAlias = Callable[[str, Callable[..., QualityScorer | PoolScorer]], None]
    RegisterEmbedder: TypeAlias = Callable[[str, Callable[..., Embedder]], None]
    RegisterNecessity: TypeAlias = Callable[[str, Callable[..., NecessityModel]], None]
    RegisterSelector: TypeAlias = Callable[[str, Callable[..., Selector]], None]
    RegisterReader: TypeAlias = Callable[[str, Callable[..., Reader]], None]
    RegisterModel: TypeAlias = Callable[[str, Callable[..., ModelBackend]], None]

PROJECT = "mods"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_quality_scorers(register: RegisterScorer) -> None:
    """Register quality scorers (`--quality NAME`)."""


@hookspec
def register_embedders(register: RegisterEmbedder) -> None:
    """Register embedders (`--embedder NAME`)."""


@hookspec
def register_necessity_models(register: RegisterNecessity) -> None:
    """Register necessity models (`--necessity NAME`)."""


@hookspec
def register_selectors(register: RegisterSelector) -> None:
    """Register selectors (`--selector NAME`)."""


@hookspec
def register_readers(register: RegisterReader) -> None:
    """Register readers of data sources."""


@hookspec
def register_models(register: RegisterModel) -> None:
    """Register model back ends: tuning and generation (`--model NAME`)."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the `mods` command line."""

"""Hooks of a plug-in module, so that pluggy calls them and every registration knows its origin.

pluggy calls the hooks of all plug-ins at once, in its own order, with wrappers around them. What
it hands to each (`register`, or the group of commands) is bound here to the module that gets it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import click

from mods.errors import ModsError, PluginError
from mods.wording import describe

if TYPE_CHECKING:
    from collections.abc import Generator

    from mods.plugins.origin import Origin

MARK = "mods_impl"
"""What `hookimpl` leaves on a function."""


class Bindable(Protocol):
    """What a hook is called with: each plug-in gets its own view of it."""

    def of(self, origin: Origin) -> Any:
        """Return what the plug-in of that origin gets."""
        ...


class Registrar:
    """Registers plug-ins of one kind."""

    def __init__(self, take: Callable[..., None], kind: str) -> None:
        self._take, self._kind = take, kind

    def of(self, origin: Origin) -> Callable[[str, Callable[..., Any]], None]:
        """Return `register(name, factory)`."""
        return partial(self._take, self._kind, origin)


class CommandSlots:
    """Collects the commands of plug-ins."""

    def __init__(self, group: click.Group, builtin: Collection[str]) -> None:
        self.group, self.builtin = group, builtin

    def of(self, origin: Origin) -> click.Group:
        """Return a group whose commands join the others, under names of their own."""
        return _OwnCommands(self, origin)


class _OwnCommands(click.Group):
    """The group that one plug-in adds commands to."""

    def __init__(self, slots: CommandSlots, origin: Origin) -> None:
        super().__init__()
        self._slots, self._origin = slots, origin

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command; `PluginError` if its name is taken."""
        name = name or cmd.name
        if name in self._slots.builtin or name in self._slots.group.commands:
            raise PluginError(f"{self._origin.module} replaces the command {name!r}; rename it")
        self._slots.group.add_command(cmd, name)


def bound_hooks(module: ModuleType, origin: Origin) -> ModuleType:
    """Return a stand-in for a plug-in module, with the hooks only, bound to their origin."""
    stand_in = ModuleType(module.__name__)
    for name, function in vars(module).items():
        if inspect.isfunction(function) and hasattr(function, MARK):
            setattr(stand_in, name, _bound(function, origin))
    return stand_in


def _bound(function: Callable[..., Any], origin: Origin) -> Callable[..., Any]:
    """Bind one hook; a failure in it names the plug-in."""

    def own(arguments: tuple[Bindable, ...]) -> list[Any]:
        return [argument.of(origin) for argument in arguments]

    if inspect.isgeneratorfunction(function):  # a wrapper around the hooks of other plug-ins
        options = getattr(function, MARK)
        if not (options["wrapper"] or options["hookwrapper"]):
            raise PluginError(
                f"{origin.module} yields in {function.__name__}: mark it @hookimpl(wrapper=True)"
            )

        @wraps(function)
        def wrapper(*arguments: Bindable) -> Generator[None, Any, Any]:
            with _named(function, origin):
                return (yield from function(*own(arguments)))

        return wrapper

    @wraps(function)
    def hook(*arguments: Bindable) -> Any:
        with _named(function, origin):
            return function(*own(arguments))

    return hook


@contextmanager
def _named(function: Callable[..., Any], origin: Origin) -> Iterator[None]:
    try:
        yield
    except ModsError:
        raise
    except Exception as error:
        raise PluginError(
            f"{origin.module} failed in {function.__name__}: {describe(error)}"
        ) from error

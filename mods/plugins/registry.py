"""All registered plug-ins, by kind and name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mods.errors import PluginError, SettingsError
from mods.interfaces import KINDS
from mods.plugins.hooks import CommandSlots
from mods.wording import suggest

if TYPE_CHECKING:
    import click
    import pluggy

    from mods.plugins.origin import Origin, Sources
    from mods.settings.choice import Choice


@dataclass(frozen=True)
class Plugin:
    """One registered name."""

    kind: str
    name: str
    factory: Callable[..., Any]
    origin: Origin

    def __str__(self) -> str:
        """Name it the way error messages do."""
        return f"{self.kind} plug-in {self.name!r} ({self.origin.module})"

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The options of the factory."""
        try:
            return inspect.signature(self.factory).parameters
        except ValueError:  # a builtin such as dict does not tell
            return {}

    def options(self, choice: Choice, context: Mapping[str, Any]) -> dict[str, Any]:
        """All options in force: defaults, values of the run that the factory asks for, given ones.

        Raises `SettingsError` for an option that does not exist and for one that is missing.
        """
        options = {
            name: parameter.default
            for name, parameter in self.parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        options.update((name, context[name]) for name in self.parameters if name in context)
        options.update(choice.options)
        self._check(options)
        return options

    def _check(self, options: Mapping[str, Any]) -> None:
        parameters = self.parameters
        kinds = {parameter.kind for parameter in parameters.values()}
        named = [name for name, p in parameters.items() if p.kind not in _VARIADIC]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            for name in options:
                if name not in named:
                    raise SettingsError(
                        f"{self} has no option {name!r}{suggest(name, named)}; "
                        f"it has: {', '.join(named) or 'none'}"
                    )
        missing = [
            name
            for name in named
            if name not in options and parameters[name].default is inspect.Parameter.empty
        ]
        if missing:
            raise SettingsError(
                f"{self} needs the option {missing[0]!r}: write {self.name}:{missing[0]}=…"
            )


_VARIADIC = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


class Registry:
    """All registered plug-ins, by kind and name."""

    def __init__(self, sources: Sources, manager: pluggy.PluginManager) -> None:
        self.sources = sources
        self._manager = manager
        self._plugins: dict[str, dict[str, Plugin]] = {kind.name: {} for kind in KINDS}

    def register(self, kind: str, origin: Origin, name: str, factory: Callable[..., Any]) -> None:
        """Take one plug-in; `PluginError` for a bad or taken name and for what is no factory."""
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
            raise PluginError(
                f"{origin.module} registers a {kind} plug-in called {name!r}: "
                "a name is made of letters, digits, '-', '_' and '.'"
            )
        if not callable(factory):
            raise PluginError(
                f"{origin.module} registers {name!r} with {factory!r}: "
                "expected a class or function that makes the plug-in"
            )
        known = self._plugins[kind].get(name)
        if known is not None:
            raise PluginError(
                f"two {kind} plug-ins are called {name!r}: one in {known.origin.module}, one in "
                f"{origin.module}; rename one of them"
            )
        self._plugins[kind][name] = Plugin(kind, name, factory, origin)

    def __iter__(self) -> Iterator[Plugin]:
        """All plug-ins, by kind, then in order of registration."""
        for plugins in self._plugins.values():
            yield from plugins.values()

    def names(self, kind: str) -> list[str]:
        """The names of one kind, in order of registration."""
        return list(self._plugins[kind])

    def get(self, kind: str, name: str) -> Plugin:
        """Return the plug-in, or raise `SettingsError` listing what there is."""
        plugin = self._plugins[kind].get(name)
        if plugin is None:
            known = self.names(kind)
            raise SettingsError(
                f"no {kind} plug-in is called {name!r}{suggest(name, known)}; "
                f"there are: {', '.join(sorted(known))}"
            )
        return plugin

    def commands(self, builtin: Collection[str]) -> click.Group:
        """Return a group of the commands that plug-ins add; none may take a name in `builtin`."""
        import click

        group = click.Group()
        self._manager.hook.register_commands(cli=CommandSlots(group, builtin))
        return group

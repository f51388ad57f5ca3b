"""Finds plug-ins, keeps what they register, and makes the objects a run asks for."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from mods import hookspecs
from mods._version import __version__
from mods.errors import ModsError, PluginError, SettingsError

if TYPE_CHECKING:
    import click

DEFAULT_PLUGINS = (
    "mods_plugins.readers",
    "mods_plugins.baselines",
    "mods_plugins.coherence",
    "mods_plugins.reward_model",
    "mods_plugins.ifd",
    "mods_plugins.embedders",
    "mods_plugins.selectors",
    "mods_plugins.models",
    "mods_plugins.necessity",
)
"""The plug-ins that come with mods: loaded like any other, by dotted name."""

HOOKS = {
    "quality": "register_quality_scorers",
    "embedder": "register_embedders",
    "necessity": "register_necessity_models",
    "selector": "register_selectors",
    "reader": "register_readers",
    "model": "register_models",
}
"""The kinds of plug-in, each with its hook."""


@dataclass(frozen=True)
class Origin:
    """Where a plug-in module came from."""

    module: str
    package: str
    version: str
    """Version of the package; for a file `sha256:` and the hash of its content."""


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

    def given(self, choice: Choice, seed: int) -> dict[str, Any]:
        """The options of a choice, with the run's seed where the factory has such a parameter."""
        options = dict(choice.options)
        if "seed" in self.parameters:
            options.setdefault("seed", seed)
        return options

    def effective(self, choice: Choice, seed: int) -> dict[str, Any]:
        """All options in force, defaults included."""
        defaults = {
            name: parameter.default
            for name, parameter in self.parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        return {**defaults, **self.given(choice, seed)}


@dataclass(frozen=True)
class Choice:
    """A plug-in asked for, with its options: `NAME` or `NAME:key=value,…`."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Read `NAME` or `NAME:key=value,…`; values are TOML scalars, else plain text."""
        match = re.fullmatch(r"(.+?)(?::(\w+=.*))?", text.strip(), re.DOTALL)
        if match is None:
            raise SettingsError("an empty plug-in name; expected NAME or NAME:key=value,…")
        name, options = match.groups()
        pairs = re.split(r",(?=\w+=)", options) if options else []
        return cls(name, {key: parse_value(value) for key, value in map(split_pair, pairs)})

    def __str__(self) -> str:
        """Write it the way `parse` reads it."""
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def split_pair(text: str) -> tuple[str, str]:
    """Split `key=value`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"{text!r} is not key=value")
    return key.strip(), value.strip()


def parse_value(text: str) -> Any:
    """Read a TOML scalar (`3`, `0.5`, `true`); anything else is text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("\"'")


class Registry:
    """All registered plug-ins, by kind and name."""

    def __init__(self) -> None:
        self._plugins: dict[str, dict[str, Plugin]] = {kind: {} for kind in HOOKS}
        self._extenders: list[tuple[Origin, Callable[..., Any]]] = []

    def add(self, plugin: Plugin) -> None:
        """Register a plug-in; a second one of the same kind and name is an error."""
        known = self._plugins[plugin.kind].get(plugin.name)
        if known is not None:
            raise PluginError(
                f"two {plugin.kind} plug-ins are called {plugin.name!r}: one in "
                f"{known.origin.module}, one in {plugin.origin.module}; rename one of them"
            )
        self._plugins[plugin.kind][plugin.name] = plugin

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

    def create(self, kind: str, choice: Choice, *, seed: int = 0) -> Any:
        """Make the object for a choice; `seed` goes to factories that have such a parameter."""
        plugin = self.get(kind, choice.name)
        options = plugin.given(choice, seed)
        self._check_options(plugin, options)
        try:
            return plugin.factory(**options)
        except ModsError:
            raise
        except Exception as error:
            raise PluginError(f"{plugin} could not be made: {describe(error)}") from error

    @staticmethod
    def _check_options(plugin: Plugin, options: Mapping[str, Any]) -> None:
        parameters = plugin.parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            return
        parameters = {
            name: p
            for name, p in parameters.items()
            if p.kind is not inspect.Parameter.VAR_POSITIONAL
        }
        for option in options:
            if option not in parameters:
                raise SettingsError(
                    f"{plugin} has no option {option!r}{suggest(option, parameters)}; "
                    f"it has: {', '.join(parameters) or 'none'}"
                )
        for name, parameter in parameters.items():
            if parameter.default is inspect.Parameter.empty and name not in options:
                raise SettingsError(
                    f"{plugin} needs the option {name!r}: write {plugin.name}:{name}=…"
                )

    def commands(self, builtin: Collection[str]) -> click.Group:
        """Return the commands that plug-ins add, in a group of their own.

        A plug-in that takes a name of `builtin`, or one that another took, is an error.
        """
        import click

        group = click.Group("plug-ins")
        for origin, function in self._extenders:
            before = dict(group.commands)
            call_hook(origin, "register_commands", partial(function, cli=group))
            for name, command in group.commands.items():
                if name in builtin or before.get(name, command) is not command:
                    raise PluginError(f"{origin.module} replaces the command {name!r}; rename it")
        return group

    def register_from(self, manager: pluggy.PluginManager, origins: Mapping[str, Origin]) -> None:
        """Run every registration hook, keeping track of who registers what."""
        for kind, hook in HOOKS.items():
            for implementation in getattr(manager.hook, hook).get_hookimpls():
                origin = origins[implementation.plugin_name]
                register = partial(self._register, kind, origin)
                call_hook(origin, hook, partial(implementation.function, register))
        for implementation in manager.hook.register_commands.get_hookimpls():
            origin = origins[implementation.plugin_name]
            self._extenders.append((origin, implementation.function))

    def _register(self, kind: str, origin: Origin, name: str, factory: Callable[..., Any]) -> None:
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
        self.add(Plugin(kind, name, factory, origin))


def load_plugins(
    files: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    *,
    defaults: Sequence[str] = DEFAULT_PLUGINS,
) -> Registry:
    """Load the default plug-ins, installed ones (entry points), folders of files, and files.

    Raises `PluginError` naming the plug-in for a failing import, a misspelt hook, a module
    without hooks, and a name registered twice.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    origins: dict[str, Origin] = {}
    for module, origin in find_modules(defaults, files, folders):
        name = manager.register(module, name=origin.module)
        assert name is not None
        origins[name] = origin
        check_hooks(manager, module, origin)
    registry = Registry()
    registry.register_from(manager, origins)
    return registry


def find_modules(
    defaults: Sequence[str], files: Sequence[Path], folders: Sequence[Path]
) -> Iterator[tuple[ModuleType, Origin]]:
    """Import every plug-in module, each once."""
    for dotted in defaults:
        yield importlib.import_module(dotted), Origin(dotted, "mods", __version__)
    for entry in sorted(
        importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda e: e.name
    ):
        package = entry.dist.name if entry.dist else entry.value
        version = entry.dist.version if entry.dist else "?"
        try:
            module = entry.load()
        except Exception as error:
            raise PluginError(
                f"the plug-in {entry.name!r} of the package {package} {version} cannot be "
                f"imported: {describe(error)}; fix or uninstall it"
            ) from error
        yield module, Origin(entry.value, package, version)
    seen: set[Path] = set()
    for file in [*files_in(folders), *files]:
        path = Path(file).resolve()
        if path not in seen:
            seen.add(path)
            yield import_file(path)


def files_in(folders: Sequence[Path]) -> Iterator[Path]:
    """The plug-in files of folders, in order of name; `_*.py` are their helpers."""
    for folder in folders:
        if not Path(folder).is_dir():
            raise PluginError(f"--plugins-dir {folder}: not a folder")
        yield from sorted(p for p in Path(folder).glob("*.py") if not p.name.startswith("_"))


def import_file(path: Path) -> tuple[ModuleType, Origin]:
    """Import one file as a plug-in module."""
    try:
        # Files beside it that begin with an underscore are its helpers.
        files = [path, *sorted(path.parent.glob("_*.py"))]
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    except OSError as error:
        raise PluginError(f"--plugin {path}: {error.strerror or error}") from error
    name = f"mods_plugin_{path.stem}_{digest[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"--plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up while it is executed
    sys.path.append(str(path.parent))  # for its helpers
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"the plug-in {path} cannot be imported: {describe(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module, Origin(str(path), path.name, f"sha256:{digest[:16]}")


def check_hooks(manager: pluggy.PluginManager, module: ModuleType, origin: Origin) -> None:
    """Refuse misspelt hooks, hooks with wrong parameters, and modules without any."""
    known = [name for name in dir(hookspecs) if name.startswith("register_")]
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        match = re.search(r"unknown hook '?(\w+)'?", str(error))
        hook = match.group(1) if match else "?"
        raise PluginError(
            f"the plug-in {origin.module} implements {hook!r}, which is no hook"
            f"{suggest(hook, known)}; hooks are: {', '.join(known)}"
        ) from error
    if not manager.get_hookcallers(module):
        raise PluginError(
            f"the plug-in {origin.module} implements no hook: put @hookimpl "
            f"(from mods import hookimpl) above a function called {' or '.join(known[:2])}, …"
        )


def call_hook(origin: Origin, hook: str, function: Callable[[], Any]) -> None:
    """Call a plug-in's hook; a failure names the plug-in."""
    try:
        function()
    except ModsError:
        raise
    except Exception as error:
        raise PluginError(f"{origin.module} failed in {hook}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """One line for an exception: its type and its message."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def suggest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """` (did you mean …?)` when something similar is known, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

"""Finds plug-in modules, imports them, and lets them register what they offer."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pluggy

from mods import hookspecs
from mods._version import __version__
from mods.errors import PluginError
from mods.interfaces import KINDS
from mods.offline import stay_offline
from mods.plugins.hooks import Registrar, bound_hooks
from mods.plugins.origin import Origin, Sources
from mods.plugins.registry import Registry
from mods.wording import describe, suggest

DEFAULTS = (
    "mods_plugins.arms",
    "mods_plugins.baselines",
    "mods_plugins.batch",
    "mods_plugins.necessity",
    "mods_plugins.backends.hf",
    "mods_plugins.backends.openai",
    "mods_plugins.backends.vllm",
    "mods_plugins.embedders.sentence",
    "mods_plugins.embedders.tfidf",
    "mods_plugins.embedders.transformer",
    "mods_plugins.evaluators.checkable",
    "mods_plugins.evaluators.judge",
    "mods_plugins.evaluators.length",
    "mods_plugins.evaluators.references",
    "mods_plugins.evaluators.reward",
    "mods_plugins.executors.devices",
    "mods_plugins.executors.local",
    "mods_plugins.executors.ray",
    "mods_plugins.exporters.alpaca",
    "mods_plugins.exporters.axolotl",
    "mods_plugins.exporters.llama_factory",
    "mods_plugins.exporters.messages",
    "mods_plugins.exporters.ms_swift",
    "mods_plugins.exporters.trl",
    "mods_plugins.readers.csv",
    "mods_plugins.readers.datasets",
    "mods_plugins.readers.json",
    "mods_plugins.readers.jsonl",
    "mods_plugins.readers.parquet",
    "mods_plugins.scorers.coherence",
    "mods_plugins.scorers.ifd",
    "mods_plugins.scorers.llm_judge",
    "mods_plugins.scorers.reward_model",
    "mods_plugins.selectors.kcenter",
)
"""The plug-ins that come with mods: loaded like any other, by dotted name."""

WITH_COMMANDS = ("mods_plugins.batch",)
"""Of these, the ones that add commands; they are quick to import."""

USUAL = Sources()
"""The default plug-ins and the installed ones."""


def load_plugins(sources: Sources = USUAL) -> Registry:
    """Load the default plug-ins, installed ones (entry points), folders of files, and files.

    Raises `PluginError` naming the plug-in for a failing import, a misspelt hook, a module
    without hooks, and a name registered twice.
    """
    stay_offline()
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for module, origin in find_modules(sources):
        hooks = bound_hooks(module, origin)
        register_hooks(manager, hooks, origin)
        check_hooks(manager, hooks, origin)
    registry = Registry(sources, manager)
    for kind in KINDS:
        getattr(manager.hook, kind.hook)(register=Registrar(registry.register, kind.name))
    return registry


@lru_cache(maxsize=8)
def plugins_of(sources: Sources) -> Registry:
    """Load plug-ins once a process: for work that comes from another one."""
    return load_plugins(sources)


def find_modules(sources: Sources) -> Iterator[tuple[ModuleType, Origin]]:
    """Import every plug-in module, each once."""
    for dotted in DEFAULTS if sources.defaults is None else sources.defaults:
        yield importlib.import_module(dotted), Origin(dotted, "mods", __version__)
    yield from installed()
    seen: set[Path] = set()
    for file in [*files_in(sources.folders), *sources.files]:
        path = Path(file).resolve()
        if path not in seen:
            seen.add(path)
            yield import_file(path)


def installed() -> Iterator[tuple[ModuleType, Origin]]:
    """Import the plug-ins of installed packages, in order of their names, each once."""
    entries = importlib.metadata.entry_points(group=hookspecs.PROJECT)
    once = {entry.value: entry for entry in entries}
    for entry in sorted(once.values(), key=lambda e: e.name):
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


def files_in(folders: Sequence[Path]) -> Iterator[Path]:
    """The plug-in files of folders, in order of name; `_*.py` are their helpers."""
    for folder in folders:
        if not Path(folder).is_dir():
            raise PluginError(f"`plugins-dir` {folder}: not a folder")
        yield from sorted(p for p in Path(folder).glob("*.py") if not p.name.startswith("_"))


def import_file(path: Path) -> tuple[ModuleType, Origin]:
    """Import one file as a plug-in module."""
    try:
        # Files beside it that begin with an underscore are its helpers.
        files = [path, *sorted(path.parent.glob("_*.py"))]
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    except OSError as error:
        raise PluginError(f"`plugin` {path}: {error.strerror or error}") from error
    name = f"mods_plugin_{path.stem}_{digest[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"`plugin` {path}: not a Python file")
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


def register_hooks(manager: pluggy.PluginManager, hooks: ModuleType, origin: Origin) -> None:
    """Hand hooks to pluggy; refuses one with other parameters than its specification."""
    try:
        manager.register(hooks, name=origin.module)
    except pluggy.PluginValidationError as error:
        definition, *reason = str(error).splitlines()[1:]
        raise PluginError(
            f"the plug-in {origin.module} has a hook that does not fit, "
            f"{definition.removeprefix('hookimpl definition: ')}: {' '.join(reason)}; "
            "write it as in mods.hookspecs"
        ) from error


def check_hooks(manager: pluggy.PluginManager, hooks: ModuleType, origin: Origin) -> None:
    """Refuse misspelt hooks, and modules without any."""
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
    if not manager.get_hookcallers(hooks):
        raise PluginError(
            f"the plug-in {origin.module} implements no hook: put @hookimpl "
            f"(from mods import hookimpl) above a function called {' or '.join(known[:2])}, …"
        )

"""mods: model-oriented data selection for instruction tuning."""

from typing import TYPE_CHECKING, Any

from mods._version import __version__
from mods.errors import DataError, ModsError, PluginError, RunFolderError, SettingsError
from mods.hookspecs import hookimpl
from mods.interfaces import Picks, Pool, Unscorable
from mods.records import BrokenRow, Message, RawRow, Record

if TYPE_CHECKING:
    from mods.api import select
    from mods.kcenter import kcenter_greedy
    from mods.pipeline import Selection

__all__ = [
    "BrokenRow",
    "DataError",
    "Message",
    "ModsError",
    "Picks",
    "PluginError",
    "Pool",
    "RawRow",
    "Record",
    "RunFolderError",
    "Selection",
    "SettingsError",
    "Unscorable",
    "__version__",
    "hookimpl",
    "kcenter_greedy",
    "select",
]

_LATER = {"select": "mods.api", "Selection": "mods.pipeline", "kcenter_greedy": "mods.kcenter"}
"""Imported when first used: they need NumPy, which `mods --help` does not."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mods' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)

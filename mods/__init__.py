"""mods: model-oriented data selection for instruction tuning."""

from mods._version import __version__
from mods.errors import DataError, ModsError, PluginError, RunFolderError, SettingsError
from mods.hookspecs import hookimpl
from mods.interfaces import Picks, Pool, Unscorable
from mods.records import BrokenRow, Message, RawRow, Record

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
    "SettingsError",
    "Unscorable",
    "__version__",
    "hookimpl",
]

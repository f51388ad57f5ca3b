"""mods: model-oriented data selection for instruction tuning."""

from typing import TYPE_CHECKING, Any

from mods._version import __version__
from mods.errors import (
    CacheError,
    DataError,
    ModsError,
    OutputError,
    PluginError,
    RunFolderError,
    SettingsError,
)
from mods.hookspecs import hookimpl
from mods.interfaces import Budget, Evidence, Outcome, Picks, Pool, Unscorable, Weights
from mods.progress import cut
from mods.records import BrokenRow, Conversation, Media, Message, RawRow, Record, ToolCall
from mods.trials import Scale

if TYPE_CHECKING:
    from mods.api import read, score, select
    from mods.gate import contamination
    from mods.kcenter import kcenter_greedy
    from mods.overlap.overlaps import Overlap
    from mods.selection.result import Selection
    from mods.verdicts.api import verdict

__all__ = [
    "BrokenRow",
    "Budget",
    "CacheError",
    "Conversation",
    "DataError",
    "Evidence",
    "Media",
    "Message",
    "ModsError",
    "Outcome",
    "OutputError",
    "Overlap",
    "Picks",
    "PluginError",
    "Pool",
    "RawRow",
    "Record",
    "RunFolderError",
    "Scale",
    "Selection",
    "SettingsError",
    "ToolCall",
    "Unscorable",
    "Weights",
    "__version__",
    "contamination",
    "cut",
    "hookimpl",
    "kcenter_greedy",
    "read",
    "score",
    "select",
    "verdict",
]

_LATER = {
    "Overlap": "mods.overlap.overlaps",
    "Selection": "mods.selection.result",
    "contamination": "mods.gate",
    "kcenter_greedy": "mods.kcenter",
    "read": "mods.api",
    "score": "mods.api",
    "select": "mods.api",
    "verdict": "mods.verdicts.api",
}
"""Imported when first used: they need NumPy, which `mods --help` does not."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mods' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)

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
from mods.interfaces import Evidence, Outcome, Unscorable, Weights
from mods.interfaces.trials import Scale
from mods.pool import Budget, Picks, Pool
from mods.progress import cut, early
from mods.records import BrokenRow, Conversation, Media, Message, RawRow, Record, ToolCall
from mods.spending import loading, spent

if TYPE_CHECKING:
    from mods.api.contamination import contamination
    from mods.api.export import export
    from mods.api.open_run import open_run
    from mods.api.read import read
    from mods.api.score import score
    from mods.api.select import select
    from mods.kcenter import kcenter_greedy, kcenter_sharded, kcenter_within
    from mods.overlap.overlaps import Overlap
    from mods.runs.shown.results import Run, Selection
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
    "Run",
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
    "early",
    "export",
    "hookimpl",
    "kcenter_greedy",
    "kcenter_sharded",
    "kcenter_within",
    "loading",
    "open_run",
    "read",
    "score",
    "select",
    "spent",
    "verdict",
]

_LATER = {
    "Overlap": "mods.overlap.overlaps",
    "Run": "mods.runs.shown.results",
    "Selection": "mods.runs.shown.results",
    "contamination": "mods.api.contamination",
    "export": "mods.api.export",
    "kcenter_greedy": "mods.kcenter",
    "kcenter_sharded": "mods.kcenter",
    "kcenter_within": "mods.kcenter",
    "open_run": "mods.api.open_run",
    "read": "mods.api.read",
    "score": "mods.api.score",
    "select": "mods.api.select",
    "verdict": "mods.verdicts.api",
}
"""Imported when first used: they need NumPy, which `mods --help` does not."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mods' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)

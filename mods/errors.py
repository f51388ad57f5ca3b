"""The errors a user can fix; everything else is a bug and keeps its traceback.

Messages name a setting in backticks (`` `seeds` ``), as Python callers write it; the command line
shows the same text with its options (`--seeds`, see `mods.commands.options.as_options`).
"""

from __future__ import annotations

from typing import TypeVar

Own = TypeVar("Own", bound="ModsError")


class ModsError(Exception):
    """Something the user can fix: the message says what is wrong, what was expected, what to do."""

    def within(self: Own, where: str) -> Own:
        """Return the same error with the place it comes from before its message."""
        return type(self)(f"{where}: {self}")


class DataError(ModsError):
    """Input data that cannot be read or recognised."""


class SettingsError(ModsError):
    """A setting, a recipe or a threshold that makes no sense."""


class PluginError(ModsError):
    """A plug-in broke a rule; the message names the plug-in and the rule."""


class OutputError(ModsError):
    """A file or folder that cannot be written."""


class RunFolderError(ModsError):
    """A folder that holds another run, an unfinished one, or none."""


class CacheError(ModsError):
    """The cache of results cannot be read or written."""

"""The errors a user can fix; everything else is a bug and keeps its traceback."""

from __future__ import annotations


class ModsError(Exception):
    """Something the user can fix: the message says what is wrong, what was expected, what to do."""


class DataError(ModsError):
    """Input data that cannot be read or recognised."""


class SettingsError(ModsError):
    """An option, a recipe or a threshold that makes no sense."""


class PluginError(ModsError):
    """A plug-in broke a rule; the message names the plug-in and the rule."""


class RunFolderError(ModsError):
    """A run folder that cannot be written, or that holds another run."""

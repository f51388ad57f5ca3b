"""What processes of this machine send one another."""

from __future__ import annotations

import pickle

from mods.errors import PluginError
from mods.wording import describe


def sendable(error: BaseException) -> BaseException:
    """Return an error that arrives as it is, or the words of one that would not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return PluginError(describe(error))
    return error if isinstance(error, Exception) else PluginError(describe(error))

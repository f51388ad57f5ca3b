"""Processes of this machine: what they send one another, and where they meet."""

from __future__ import annotations

import pickle
import socket

from mods.errors import PluginError
from mods.wording import describe


def sendable(error: BaseException) -> BaseException:
    """Return an error that arrives as it is, or the words of one that would not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return PluginError(describe(error))
    return error if isinstance(error, Exception) else PluginError(describe(error))


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

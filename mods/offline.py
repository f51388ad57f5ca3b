"""Offline: this process, and those it starts, talk to nothing but this machine."""

from __future__ import annotations

import os
import sys
from typing import Any

from mods.errors import SettingsError

VARIABLE = "MODS_OFFLINE"
"""Set to anything but 0: offline. The option of the command line sets it, for child processes."""
HUB = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
"""What the libraries of the hub look for, so that they take what they hold without asking."""
_hooked = False


def is_offline() -> bool:
    """Say whether network use is refused."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def stay_offline() -> None:
    """Refuse network use from now on if it is to be refused; called before plug-ins are loaded.

    Python then raises `PermissionError` wherever a library of any kind looks a name up or connects,
    except to this machine. Native code that opens sockets by itself is not seen.
    """
    global _hooked
    if is_offline() and not _hooked:
        os.environ.update(dict.fromkeys(HUB, "1"))
        sys.addaudithook(_refuse)
        _hooked = True


def check_online(url: str) -> None:
    """Raise `SettingsError` where an address is named that may not be talked to."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    if is_offline() and not is_here(host):
        raise SettingsError(f"`offline`: {url} is not on this machine, and nothing else is asked")


def is_here(host: str) -> bool:
    """Say whether a host is this machine, by its name or its address."""
    if host in ("", "localhost"):
        return True
    import ipaddress  # not at the start of every command

    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(event: str, given: tuple[Any, ...]) -> None:
    """Look at what Python is about to do; an audit hook."""
    if event == "socket.getaddrinfo":
        host = given[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = given[1]
        if not isinstance(address, tuple):  # a socket of this machine, or one that is connected
            return
        host = address[0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if is_offline() and not is_here(name):
        raise PermissionError(f"offline: {name} is not asked")

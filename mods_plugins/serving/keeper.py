"""Keeps a server program no longer than the process that asked for it lives.

Run as a program of its own, `python -I keeper.py COMMAND…`, with a pipe as standard input. Nothing
is written to the pipe: its end is the sign to stop, and the system closes it when the other process
ends, also when that is killed. Keeper and server are a process group, which is ended as a whole, so
that workers of the server go with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

GRACE = 10.0
"""Seconds that a server has to end by itself."""


def main(command: list[str]) -> None:
    """Run a command until it ends or standard input does, then end its whole group."""
    # A function and not SIG_IGN, which the server would inherit.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_input, args=(server,), daemon=True).start()
    server.wait()
    os.killpg(0, signal.SIGKILL)  # workers it left, and this process


def end_with_input(server: subprocess.Popen[bytes]) -> None:
    """Wait for the end of standard input, then have the server end, and make it."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGTERM)
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])

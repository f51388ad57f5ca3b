"""One server program: started on this machine alone, waited for, and stopped."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mods import ModsError
from mods.wording import printable
from mods_plugins.serving import keeper

logger = logging.getLogger(__name__)

HERE = "127.0.0.1"
"""The only address that is listened on."""
LINES = 20
"""How much of a server's log an error quotes."""
LINE = 300
"""Characters of a line that are quoted."""
TOLD = 15.0
"""Seconds between two lines about a server that is still starting."""
PAUSE = 0.2
NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables that belong to this Python, while the program may belong to another one."""


class ServerProcess:
    """A server program, which ends when this process ends, however that comes about.

    `command` holds the program and its arguments, which no shell sees. What it writes goes into a
    log, of which the end is quoted should it die, and which is then left for reading.
    """

    def __init__(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self.name = name
        handle, log = tempfile.mkstemp(prefix=f"mods-{name}-", suffix=".log")
        self.log = Path(log)
        passed = {key: text for key, text in os.environ.items() if key not in NOT_PASSED_ON}
        try:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", keeper.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=handle,
                stderr=handle,
                env={**passed, **variables},
                start_new_session=True,  # Ctrl-C is for this process, which then stops the server
            )
        except BaseException:
            self.log.unlink()
            raise
        finally:
            os.close(handle)

    def wait(self, port: int, path: str, seconds: float) -> None:
        """Wait until `path` is answered; tells now and then what the server does.

        Raises `ModsError` with the end of the log if it dies, or has not answered after `seconds`.
        """
        start = told = time.monotonic()
        while not answers(port, path):
            self.check()
            now = time.monotonic()
            if now - start > seconds:
                raise ModsError(
                    f"{self.name} has not answered after {seconds:g} s (`start_timeout`)"
                    f"{self._quoted()}"
                )
            if now - told > TOLD:
                told = now
                last = self.last_lines(1) or ["nothing said yet"]
                logger.info("%s: starting, %.0f s: %s", self.name, now - start, last[0])
            time.sleep(PAUSE)
        logger.info("%s: answers after %.0f s", self.name, time.monotonic() - start)

    def check(self, seconds: float = 0.0) -> None:
        """Raise `ModsError` with the end of the log if the server ends within some seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._keeper.wait(seconds)
            raise ModsError(f"{self.name} ended by itself{self._quoted()}")

    def stop(self) -> None:
        """End the server and all that it started, and wait until it is gone."""
        died = self._keeper.poll() is not None
        assert self._keeper.stdin is not None
        with suppress(OSError):
            self._keeper.stdin.close()
        try:
            self._keeper.wait(keeper.GRACE + 5)
        except subprocess.TimeoutExpired:
            logger.warning("%s did not end and was killed", self.name)
        finally:  # also at a second Ctrl-C
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._keeper.pid, signal.SIGKILL)
            self._keeper.wait()
        if not died:
            self.log.unlink(missing_ok=True)

    def last_lines(self, number: int) -> list[str]:
        """Return the last lines of the log that say something."""
        with self.log.open(encoding="utf-8", errors="replace") as file:
            said = deque((line for line in file if line.strip()), maxlen=number)
        return [printable(line.strip())[:LINE] for line in said]

    def _quoted(self) -> str:
        lines = self.last_lines(LINES)
        if not lines:
            return "; it said nothing"
        return "; the end of its log (" + str(self.log) + "):\n  " + "\n  ".join(lines)


def answers(port: int, path: str) -> bool:
    """Say whether a server of this machine answers a path with 200."""
    connection = http.client.HTTPConnection(HERE, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

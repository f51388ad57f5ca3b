"""Tasks for executors, in a module that workers can import."""

import os
import signal
import time

from mods import Outcome, SettingsError


class Where:
    """Says in which process it works; the words of a chunk may ask for more."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, chunk):
        if "refuse" in chunk:
            raise SettingsError("this is refused")
        if "die" in chunk:
            os.kill(os.getpid(), signal.SIGKILL)
        if "wait" in chunk:
            (self.folder / f"at-{os.getpid()}").touch()
            while not (self.folder / "go").exists():
                time.sleep(0.02)
        return Outcome([os.getpid()] * len(chunk))


class Weighted:
    """A task that was given weights."""

    def __init__(self, weights):
        self.arguments = (weights,)

    def run(self, chunk):
        return Outcome(list(chunk))


class Placed:
    """Tells where a chunk was worked on; fails, ends or sleeps where that is asked for."""

    def run(self, chunk):
        if "broken" in chunk:
            raise SettingsError("broken")
        if "end" in chunk:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60 if "sleep" in chunk else 0.2)
        return Outcome([os.getpid(), sorted(os.sched_getaffinity(0))], 0.0)

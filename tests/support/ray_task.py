"""A task for executors, in a module that workers can import."""

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

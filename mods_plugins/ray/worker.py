"""A worker on the cluster: an actor that holds the task, and with it the loaded model."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mods import Outcome, PluginError, Weights
from mods.offline import VARIABLE, stay_offline

if TYPE_CHECKING:
    from mods.interfaces import Task


class Worker:
    """Made once for many chunks, so that plug-ins and models are loaded once."""

    def __init__(self, task: bytes, folder: str, offline: bool) -> None:
        """`folder` is where the run was started: relative paths are meant from there."""
        self._task = task
        with suppress(OSError):
            os.chdir(folder)
        if offline:
            os.environ[VARIABLE] = "1"
            stay_offline()

    def ready(self) -> str:
        """Return the machine that it works on, as Ray names it."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def run(self, chunk: Sequence[Any]) -> Outcome:
        """Run the task on a chunk; what it raises goes back to the caller."""
        return self.task.run(chunk)

    @cached_property
    def task(self) -> Task:
        """The task, unpacked when first needed: `PluginError` if this machine lacks something."""
        task: Task = pickle.loads(self._task)
        for given in getattr(task, "arguments", ()):
            if isinstance(given, Weights) and not given.path.exists():
                raise PluginError(
                    f"the weights {given.path} are not on the machine {socket.gethostname()}: "
                    "`cache` must be a folder that all machines of the cluster share"
                )
        return task

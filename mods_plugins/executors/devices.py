"""The executor `devices`: a process for every device of this machine."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from mods import Outcome, PluginError, hookimpl
from mods_plugins.devices import parse_devices, settle
from mods_plugins.processes import sendable

if TYPE_CHECKING:
    from mods.interfaces import Register, Task

ENDED = "a process on {} ended by itself (no memory left?); finished chunks are kept"


class DevicesExecutor:
    """Works on as many chunks at a time as there are devices, each in a process of its own.

    `devices` are devices of CUDA (`cuda:0,cuda:1`), or `cpu:N` for N processes that share out the
    processor's cores. In a plug-in's options devices stand with a plus: `cuda:0+cuda:1`. Chunks are
    those of one process, so the results are, too, but for the rounding of other devices or other
    numbers of threads. A process loads its models once for each kind of work, and lets go of them
    after it, so that tuning finds room.
    """

    def __init__(self, *, devices: str) -> None:
        self.devices = parse_devices(devices)
        self._workers: list[Worker] = []

    def map(self, task: Task, chunks: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Outcome]]:
        """Yield (number of the chunk from 0, outcome) as they come.

        Raises what the task raises, and `PluginError` if a process ends by itself.
        """
        waiting = enumerate(chunks)
        sent = pickle.dumps(task)
        at_work: dict[Any, tuple[Worker, int]] = {}
        finished = False
        try:
            while True:
                for worker in self._idle(at_work):
                    following = next(waiting, None)
                    if following is None:
                        break
                    number, chunk = following
                    worker.begin(sent, chunk)
                    at_work[worker.connection] = worker, number
                if not at_work:
                    break
                for connection in wait([*at_work]):
                    worker, number = at_work.pop(connection)
                    yield number, worker.outcome()
            finished = True
        finally:
            if finished:
                for worker in self._workers:
                    worker.forget()
            else:
                self.close()

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _idle(self, at_work: dict[Any, tuple[Worker, int]]) -> Iterator[Worker]:
        """Yield the workers without a chunk; a process is started when there is one for it."""
        yield from [one for one in self._workers if one.connection not in at_work]
        while len(self._workers) < len(self.devices):
            place = len(self._workers)
            self._workers.append(Worker(self.devices, place))
            yield self._workers[-1]


class Worker:
    """A process on a device; it does one chunk after the other."""

    def __init__(self, devices: Sequence[str], place: int) -> None:
        self.device = devices[place]
        self._task: bytes | None = None
        """The task that it knows."""
        # A fork would inherit the threads' locks of torch and the devices that are open.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, devices, place), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, task: bytes, chunk: Sequence[Any]) -> None:
        """Have it work on a chunk; the task is sent once."""
        try:
            if task != self._task:
                self.connection.send_bytes(b"task")
                self.connection.send_bytes(task)
                self._task = task
            self.connection.send_bytes(b"chunk")
            self.connection.send(list(chunk))
        except OSError as error:
            raise PluginError(ENDED.format(self.device)) from error

    def outcome(self) -> Outcome:
        """Return what came of its chunk."""
        try:
            found: Outcome | BaseException = self.connection.recv()
        except (EOFError, OSError) as error:
            raise PluginError(ENDED.format(self.device)) from error
        if isinstance(found, BaseException):
            raise found
        return found

    def forget(self) -> None:
        """Have it let go of its task, and the memory of its device."""
        self._task = None
        with suppress(OSError):
            self.connection.send_bytes(b"forget")

    def end(self) -> None:
        """End it now."""
        self.connection.close()
        self._process.kill()
        self._process.join()


def serve(connection: Any, devices: Sequence[str], place: int) -> None:
    """Do what comes through a connection, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked ends this one
    settle(devices, place)
    task: Any = None
    with suppress(EOFError, OSError):
        while True:
            what = connection.recv_bytes()
            if what == b"task":
                task = connection.recv_bytes()
            elif what == b"chunk":
                chunk = connection.recv()
                try:
                    task = pickle.loads(task) if isinstance(task, bytes) else task
                    found: Outcome = task.run(chunk)
                    answer: Any = replace(found, error=found.error and sendable(found.error))
                except BaseException as error:
                    answer = sendable(error)
                connection.send(answer)
            else:
                if hasattr(task, "close"):
                    task.close()
                task = None
                free_memory()


def free_memory() -> None:
    """Give the memory of the device back, if models were at work here."""
    import sys

    if "torch" in sys.modules:
        from mods_plugins.hf.batching import free_device_memory

        free_device_memory()


@hookimpl
def register_executors(register: Register) -> None:
    """Register `devices`."""
    register("devices", DevicesExecutor)

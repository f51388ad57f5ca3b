"""The executor `ray`: on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mods import Outcome, PluginError, SettingsError, hookimpl
from mods.offline import is_offline
from mods_plugins.ray.connection import (
    alive,
    connect,
    let_go,
    lost,
    news,
    reason,
    require_head,
    require_room,
)
from mods_plugins.ray.worker import Worker

if TYPE_CHECKING:
    from mods.interfaces import Register, Task

_log = logging.getLogger(__name__)
MOST_DEATHS = 3
"""Workers that a chunk may kill, and workers that may die one after another while they start."""


class RayExecutor:
    """Works on a Ray cluster, on as many chunks at a time as there is room for workers.

    `address` is `auto` or `HOST:PORT`; without it, a Ray is started on this machine and stopped
    again. Each worker loads the model once; it has `cpus` CPUs and `gpus` GPUs (by default one GPU
    where the cluster has any). `workers=0` starts as many as the cluster can hold. A worker that
    dies is replaced, and its chunk is done by another.
    """

    def __init__(
        self, *, address: str = "", workers: int = 0, cpus: float = 1, gpus: float | None = None
    ) -> None:
        """Raises `SettingsError` for a number that makes no sense."""
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 0:
            raise SettingsError(f"ray: workers must be a whole number, 0 or more, got {workers!r}")
        if not _is_number(cpus) or cpus <= 0:
            raise SettingsError(f"ray: cpus must be a number above 0, got {cpus!r}")
        if gpus is not None and (not _is_number(gpus) or gpus < 0):
            raise SettingsError(f"ray: gpus must be a number, 0 or more, got {gpus!r}")
        self.address, self.workers, self.cpus, self.gpus = str(address), workers, cpus, gpus

    def map(self, task: Task, chunks: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Outcome]]:
        """Yield (number of the chunk from 0, outcome) as they come.

        A chunk is taken when there is a worker for it. What the task raises passes through;
        `PluginError` names a chunk that killed several workers.
        """
        source = iter(chunks)
        for first in source:  # nothing is started for nothing
            crew = Crew(connect(self, self.address), self, task)
            try:
                yield from crew.work(chain([first], source))
            finally:
                crew.dismiss()


@dataclass(eq=False)
class Hand:
    """A worker."""

    actor: Any
    node: str = ""
    """The machine it is on, once it has started."""


@dataclass(eq=False)
class Open:
    """A chunk that is not done."""

    number: int
    rows: Sequence[Any]
    deaths: int = 0
    """Workers that died over it, on machines that live."""


class Crew:
    """The workers of one task."""

    def __init__(self, ray: Any, settings: RayExecutor, task: Task) -> None:
        self._ray, self._lost = ray, lost(ray)
        gpus = settings.gpus
        if gpus is None:
            gpus = 1 if ray.cluster_resources().get("GPU") else 0
        self._needs = (settings.cpus, gpus)
        room = require_room(ray, *self._needs)
        self._most = settings.workers or room
        self._actor = ray.remote(num_cpus=settings.cpus, num_gpus=gpus, max_restarts=0)(Worker)
        self._task = ray.put(pickle.dumps(task))
        self._starting: dict[Any, Hand] = {}
        self._idle: list[Hand] = []
        self._busy: dict[Any, tuple[Hand, Open]] = {}
        self._open: deque[Open] = deque()
        self._again: deque[Open] = deque()
        """Chunks whose worker was lost: they come last, as others may not be deadly."""
        self._failed_starts = 0

    def work(self, chunks: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Outcome]]:
        """Yield what comes of each chunk."""
        source = (Open(number, rows) for number, rows in enumerate(chunks))
        while True:
            self._hire(source)
            while self._idle and self._have_one(source):
                hand, chunk = self._idle.pop(), self._open.popleft()
                self._busy[hand.actor.run.remote(chunk.rows)] = hand, chunk
            if not self._busy and not self._open and not self._again:
                return
            yield from self._news()

    def dismiss(self) -> None:
        """Let the workers go, whatever they do."""
        hands = [*self._starting.values(), *self._idle, *(hand for hand, _ in self._busy.values())]
        let_go(self._ray, [hand.actor for hand in hands])

    def _have_one(self, source: Iterator[Open], at: int = 0) -> bool:
        """Say whether there is an open chunk at that place, taking one if need be."""
        if len(self._open) <= at:
            self._open.extend(islice(source, 1))
        if len(self._open) <= at and self._again:
            self._open.append(self._again.popleft())
        return len(self._open) > at

    def _hire(self, source: Iterator[Open]) -> None:
        """Start a worker for each chunk that none is free for."""
        while len(self._starting) + len(self._idle) + len(self._busy) < self._most:
            if not self._have_one(source, at=len(self._starting) + len(self._idle)):
                return
            actor = self._actor.remote(self._task, os.getcwd(), is_offline())
            self._starting[actor.ready.remote()] = Hand(actor)

    def _news(self) -> Iterator[tuple[int, Outcome]]:
        """Wait for something to happen, and yield what was done."""
        done = news(self._ray, [*self._busy, *self._starting])
        if not done and not self._busy:
            require_room(self._ray, *self._needs)
            _log.info("waiting for room on the Ray cluster")
        for ref in done:
            if ref in self._starting:
                self._started(self._starting.pop(ref), ref)
            else:
                yield from self._finished(*self._busy.pop(ref), ref)

    def _started(self, hand: Hand, ref: Any) -> None:
        try:
            hand.node = self._ray.get(ref)
        except (*self._lost, self._ray.exceptions.RayTaskError) as error:
            require_head(self._ray)
            self._failed_starts += 1
            if self._failed_starts >= MOST_DEATHS:
                raise PluginError(
                    f"no worker starts on the Ray cluster: {reason(error)}; mods, of this version, "
                    "must be installed on all of its machines"
                ) from error
        else:
            self._failed_starts = 0
            self._idle.append(hand)

    def _finished(self, hand: Hand, chunk: Open, ref: Any) -> Iterator[tuple[int, Outcome]]:
        try:
            outcome = self._ray.get(ref)
        except self._lost as error:
            require_head(self._ray)
            self._ray.kill(hand.actor)
            self._again.append(chunk)
            if any(node["NodeID"] == hand.node for node in alive(self._ray)):
                chunk.deaths += 1
            if chunk.deaths >= MOST_DEATHS:
                raise PluginError(
                    f"{_named(chunk)} ended {chunk.deaths} workers of the Ray cluster, one after "
                    f"another: {reason(error)}; what other chunks gave is kept"
                ) from error
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        else:
            self._idle.append(hand)
            yield chunk.number, outcome


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _named(chunk: Open) -> str:
    """Name a chunk by its number and, where rows know it, the place of the first."""
    first = chunk.rows[0] if chunk.rows else None
    source, row = getattr(first, "source", ""), getattr(first, "row", 0)
    place = f", the first is {source} row {row}" if row else ""
    return f"chunk {chunk.number} ({len(chunk.rows)} rows{place})"


@hookimpl
def register_executors(register: Register) -> None:
    """Register `ray`."""
    register("ray", RayExecutor)

"""K-center over shards on a Ray cluster: each shard is an actor that keeps its rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mods import PluginError
from mods.kcenter import RowsShard
from mods_plugins.ray.connection import (
    connect,
    let_go,
    lost,
    news,
    reason,
    require_head,
    require_room,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)
MOST_DEATHS = 3
"""Times that a shard may be lost over one message."""
Source: TypeAlias = "tuple[str, int, int] | tuple[Any]"
"""Where an actor finds its rows: a `.npy` file, first row, last row + 1; or what Ray holds."""


class ShardActor(RowsShard):
    """A shard in a process of the cluster."""

    def __init__(self, source: Source, threads: int) -> None:
        """Read the rows, from a file that all machines share or from what the caller sent."""
        if len(source) == 3:
            path, begin, end = source
            rows = np.load(path, mmap_mode="r")[begin:end]
        else:
            import ray

            rows = ray.get(source[0])
        super().__init__(rows, threads=threads)


class RayShards:
    """Shards on a Ray cluster, for `mods.kcenter_sharded`. A lost one is made again from its rows.

    Use it in a `with` statement: at its end the actors are gone.
    """

    def __init__(
        self, rows: NDArray[Any] | Path | str, shards: int, *, address: str = "", cpus: float = 1
    ) -> None:
        """Cut rows into shards of one size.

        Args:
            rows: (n, d) array, which is sent to the actors, or the path of a `.npy` file that all
                machines find at the same place: each actor maps its part.
            shards: how many, 1 to n.
            address: `auto`, `HOST:PORT`, or empty for a Ray on this machine.
            cpus: CPUs of a shard; it works with as many threads, at least one.

        Raises:
            ValueError: another number of shards.
            SettingsError: no cluster answers, or it has no room for a shard.
            PluginError: without the extra `ray`.
        """
        own = np.load(rows, mmap_mode="r") if isinstance(rows, (str, Path)) else rows
        if not 1 <= shards <= len(own):
            raise ValueError(f"shards = {shards} is outside 1..{len(own)}, the number of rows")
        self._ray = connect(self, address)
        self._cpus = cpus
        require_room(self._ray, cpus, 0)
        bounds = [len(own) * at // shards for at in range(shards + 1)]
        parts = pairwise(bounds)
        self._sources: list[Source] = (
            [(str(Path(rows).absolute()), begin, end) for begin, end in parts]
            if isinstance(rows, (str, Path))
            else [(self._ray.put(own[begin:end]),) for begin, end in parts]
        )
        self._actor = self._ray.remote(num_cpus=cpus, max_restarts=0, scheduling_strategy="SPREAD")(
            ShardActor
        )
        self._actors = [self._start(source) for source in self._sources]

    def __enter__(self) -> RayShards:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        let_go(self._ray, self._actors)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._actors)

    def call(self, method: str, messages: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Call a method of some shards, at the same time; see `mods.kcenter.Shards`."""
        open_calls = {at: self._send(at, method, given) for at, given in messages.items()}
        answers: dict[int, Any] = {}
        deaths = dict.fromkeys(messages, 0)
        while open_calls:
            for at, ref in list(open_calls.items()):
                try:
                    answers[at] = self._wait(ref)
                    del open_calls[at]
                except lost(self._ray) as error:
                    require_head(self._ray)
                    deaths[at] += 1
                    if deaths[at] >= MOST_DEATHS:
                        raise PluginError(
                            f"shard {at} of k-center was lost {deaths[at]} times, one after "
                            f"another: {reason(error)}"
                        ) from error
                    self._ray.kill(self._actors[at])
                    self._actors[at] = self._start(self._sources[at])
                    open_calls[at] = self._send(at, method, messages[at])
                except self._ray.exceptions.RayTaskError as error:
                    raise error.cause from error
        return answers

    def _start(self, source: Source) -> Any:
        return self._actor.remote(source, max(1, int(self._cpus)))

    def _send(self, at: int, method: str, given: Sequence[Any]) -> Any:
        return getattr(self._actors[at], method).remote(*given)

    def _wait(self, ref: Any) -> Any:
        """Return an answer; while a shard waits for a machine, say so."""
        while not news(self._ray, [ref]):
            if require_room(self._ray, self._cpus, 0) < len(self):
                _log.info("waiting for room on the Ray cluster")
        return self._ray.get(ref)

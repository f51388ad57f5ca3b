"""Work on rows: only what the cache does not hold is computed, and it is kept at once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mods.errors import PluginError
from mods.plugins.part import Part, PartTask, as_they_are
from mods.plugins.rules import checked_outcome
from mods.work.costs import Costs
from mods.work.store import Store

if TYPE_CHECKING:
    from mods.progress import Progress
    from mods.records import Conversation, Record
    from mods.work.columns import Column

Value = TypeVar("Value")


class Item(NamedTuple):
    """A row to be worked on."""

    key: str
    """What its result is kept by."""
    payload: Any
    """What the plug-in gets."""
    size: int
    """About how much work it is: rows of similar size share a chunk."""


def items(rows: Sequence[Record] | Sequence[Conversation]) -> list[Item]:
    """Return records or conversations as they are, to be worked on."""
    return [Item(row.key, row, row.size) for row in rows]


@dataclass(frozen=True)
class Job:
    """What is done with rows, besides the rows."""

    part: Part
    method: str
    label: str
    """What progress and costs call it."""
    name: str
    """What the cache calls it."""
    identity: Mapping[str, Any]
    """What makes the results: the key of the cache."""
    spread: Callable[[Sequence[Any]], tuple[Any, ...]] = as_they_are
    """Turns a chunk into arguments; see `PartTask`."""
    arguments: Callable[[], tuple[Any, ...]] = tuple
    """Gives further arguments; called only if something has to be computed."""
    fit: Sequence[str] | None = None
    """Texts that the plug-in's `fit` sees before the first call."""
    chunk_size: int | None = None
    """Rows a call; None asks the plug-in."""

    def task(self) -> PartTask:
        """Return it as data for an executor."""
        return PartTask(self.part, self.method, self.spread, self.arguments(), self.fit)


@dataclass(frozen=True)
class Work:
    """All that work on rows needs and that is the same for all of it."""

    cache: Path
    progress: Progress
    executor: Part
    costs: Costs = field(default_factory=Costs)

    def rows(self, job: Job, column: Column[Value], rows: Sequence[Item]) -> list[Value]:
        """Return one value per row, computing only what the cache does not hold.

        Rows go through the plug-in in chunks, largest first. The chunks are those of the whole
        list, so that an interrupted call, started again, computes the very same batches.
        """
        unique = {row.key: row for row in rows}
        cost = self.costs.of(job.label)
        cost.rows += len(unique)
        with closing(Store(self.cache, job.name, job.identity)) as store:
            known = decoded(store, column, list(unique))
            size = job.chunk_size or job.part.chunk_size()
            chunks = missing(list(unique.values()), known, size)
            if chunks:
                self._compute(job, column, chunks, store, known, len(unique))
        return [known[row.key] for row in rows]

    def _compute(
        self,
        job: Job,
        column: Column[Value],
        chunks: Sequence[Sequence[Item]],
        store: Store,
        known: dict[str, Value],
        total: int,
    ) -> None:
        """Compute chunks, and keep each as it comes."""
        task, cost = job.task(), self.costs.of(job.label)
        open_chunks = dict(enumerate(chunks))
        payloads = [[row.payload for row in chunk] for chunk in chunks]
        with self.progress.bar(job.label, total, done=len(known)) as advance:
            mapped = self.executor.call(self.executor.object.map, task, payloads)
            for returned in self.executor.each(mapped):
                at, outcome = checked_outcome(returned, str(self.executor))
                chunk = open_chunks.pop(at, None)
                if chunk is None:
                    raise PluginError(f"{self.executor} returned chunk {at!r}, which is not open")
                values = column.check(outcome.values, len(chunk), str(job.part))
                pairs = list(zip((row.key for row in chunk), values, strict=True))
                store.put((key, column.encode(value)) for key, value in pairs)
                known.update(pairs)
                cost.computed += len(chunk)
                cost.seconds += outcome.seconds
                advance(len(chunk))
        if open_chunks:
            raise PluginError(f"{self.executor} left {len(open_chunks)} chunks undone")


def missing(rows: Sequence[Item], known: Mapping[str, Any], size: int) -> list[list[Item]]:
    """Cut rows into chunks of `size`, largest rows first, without what is known already."""
    order = sorted(rows, key=lambda row: (-row.size, row.key))
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    left = [[row for row in chunk if row.key not in known] for chunk in cut]
    return [chunk for chunk in left if chunk]


def decoded(store: Store, column: Column[Value], keys: Sequence[str]) -> dict[str, Value]:
    """Return what the store holds of these keys."""
    try:
        return {key: column.decode(data) for key, data in store.get(keys).items()}
    except (ValueError, struct.error) as error:
        raise store.broken(error) from error

"""Work on rows: only what the cache does not hold is computed, and it is kept at once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from mods.errors import PluginError
from mods.interfaces import Unscorable
from mods.plugins.part import Part, PartTask, as_they_are
from mods.plugins.rules import checked_outcome
from mods.work.costs import Costs
from mods.work.leases import Leases
from mods.work.store import Store

if TYPE_CHECKING:
    from mods.interfaces import Outcome
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
class Results(Generic[Value]):
    """What came of rows."""

    values: list[Value]
    """One a row, in order."""
    cut: list[int]
    """Places of the rows that could not be read whole."""


@dataclass(frozen=True)
class Work:
    """All that work on rows needs and that is the same for all of it."""

    cache: Path
    progress: Progress
    executor: Part
    costs: Costs = field(default_factory=Costs)

    def rows(self, job: Job, column: Column[Value], rows: Sequence[Item]) -> Results[Value]:
        """Return one value per row, computing only what the cache does not hold.

        Rows go through the plug-in in chunks, largest first. The chunks are those of the whole
        list, so that an interrupted call, started again, computes the very same batches.
        """
        unique = {row.key: row for row in rows}
        cost = self.costs.of(job.label)
        cost.rows += len(unique)
        with closing(Store(self.cache, job.name, job.identity)) as store:
            shelf = Shelf(store, column)
            shelf.look_up(list(unique))
            chunks = missing(list(unique.values()), shelf.known, job)
            if chunks:
                try:
                    self._compute(job, shelf, chunks, len(unique))
                finally:
                    job.part.close()
            for note in [*store.noticed, *store.notes(list(unique))]:
                self.progress.note(note)
        cost.bytes_read += shelf.bytes_read
        cost.bytes_written += shelf.bytes_written
        values = [shelf.known[row.key] for row in rows]
        if passing := sum(not lasting(value) for value in values):
            told = "rows failed in passing; the next run tries them again"
            self.progress.note(f"{job.label}: {passing:,} {told}")
        return Results(values, [at for at, row in enumerate(rows) if row.key in store.cut])

    def missing(self, job: Job, rows: Sequence[Item]) -> list[Item]:
        """Return the rows, each once, that the cache holds no result for."""
        unique = {row.key: row for row in rows}
        with closing(Store(self.cache, job.name, job.identity)) as store:
            known = store.get(list(unique))
        return [row for key, row in unique.items() if key not in known]

    def _compute(self, job: Job, shelf: Shelf[Value], chunks: list[list[Item]], total: int) -> None:
        """Compute chunks and keep each as it comes; what another run has in work is waited for."""
        task = job.task()
        with (
            Leases(shelf.store.path) as leases,
            self.progress.bar(job.label, total, done=len(shelf.known)) as advance,
        ):
            while chunks:
                round = Round(chunks, shelf, leases, advance)
                mapped = self.executor.call(self.executor.object.map, task, round.payloads())
                for returned in self.executor.each(mapped):
                    at, outcome = checked_outcome(returned, str(self.executor))
                    computed = round.finish(at, outcome, self.executor, job.part)
                    self.costs.of(job.label).add_outcome(computed, outcome)
                if undone := round.undone():
                    raise PluginError(f"{self.executor} left {undone} chunks undone")
                chunks = round.elsewhere
                if chunks:
                    self.progress.say(f"{job.label}: waiting for another run that does this work")
                    leases.take(chunks[0][0].key, wait=True)
                    leases.free(chunks[0][0].key)


class Shelf(Generic[Value]):
    """The results of a job: on the disk and, decoded, in memory."""

    def __init__(self, store: Store, column: Column[Value]) -> None:
        self.store, self.column = store, column
        self.known: dict[str, Value] = {}
        self.bytes_read = self.bytes_written = 0

    def look_up(self, keys: Sequence[str]) -> int:
        """Add what the store holds of these keys; returns how many there were."""
        before, damaged = len(self.known), 0
        for key, data in self.store.get(keys).items():
            try:
                self.known[key] = self.column.decode(data)
                self.bytes_read += len(data)
            except (ValueError, struct.error):
                damaged += 1
        self.store.count_damaged(damaged)
        return len(self.known) - before

    def add(
        self, rows: Sequence[Item], values: Sequence[Value], notes: Sequence[str], cut: set[str]
    ) -> None:
        """Keep results, but not on the disk that a row has none for a reason that passes."""
        pairs = list(zip((row.key for row in rows), values, strict=True))
        passing = {key for key, value in pairs if not lasting(value)}
        results = [(key, self.column.encode(value)) for key, value in pairs if key not in passing]
        self.store.put(results, notes, cut)
        self.bytes_written += sum(len(data) for _, data in results)
        self.known.update(pairs)


class Round(Generic[Value]):
    """One pass of an executor over chunks: those that no other run has in work."""

    def __init__(
        self,
        chunks: Sequence[list[Item]],
        shelf: Shelf[Value],
        leases: Leases,
        advance: Callable[[int], object],
    ) -> None:
        self._chunks, self._shelf, self._leases, self._advance = chunks, shelf, leases, advance
        self.open: dict[int, tuple[str, list[Item]]] = {}
        """By number: the key of the lease, and the rows, of chunks that were taken."""
        self.elsewhere: list[list[Item]] = []
        """Chunks that another run has in work."""

    def payloads(self) -> Iterator[list[Any]]:
        """Yield what the plug-in gets, chunk by chunk, as the executor takes them."""
        number = 0
        for chunk in self._chunks:
            lease = chunk[0].key
            if not self._leases.take(lease):
                self.elsewhere.append(chunk)
                continue
            # Another run may have finished it since.
            self._advance(self._shelf.look_up([row.key for row in chunk]))
            rows = [row for row in chunk if row.key not in self._shelf.known]
            if rows:
                self.open[number] = (lease, rows)
                number += 1
                yield [row.payload for row in rows]
            else:
                self._leases.free(lease)

    def undone(self) -> int:
        """How many chunks were neither done nor left to another run, taken or not."""
        known = self._shelf.known
        left = sum(any(row.key not in known for row in chunk) for chunk in self._chunks)
        return left - len(self.elsewhere)

    def finish(self, at: int, outcome: Outcome, executor: Part, part: Part) -> int:
        """Check and keep the outcome of a chunk; returns its rows, or raises what ended it."""
        if at not in self.open:
            raise PluginError(f"{executor} returned chunk {at!r}, which is not open")
        lease, rows = self.open.pop(at)
        cut = {rows[at].key for at in outcome.cut if 0 <= at < len(rows)}
        found = outcome.values
        if outcome.error is not None:
            places = sorted(at for at in outcome.values if 0 <= at < len(rows))
            rows, found = [rows[at] for at in places], [outcome.values[at] for at in places]
        values = self._shelf.column.check(found, len(rows), str(part))
        self._shelf.add(rows, values, outcome.notes, cut & {row.key for row in rows})
        self._leases.free(lease)
        self._advance(len(rows))
        if outcome.error is not None:
            raise outcome.error
        return len(rows)


def lasting(value: Any) -> bool:
    """Say whether a result is one that the next run may take: none is that fails in passing."""
    return not isinstance(value, Unscorable) or value.lasting


def missing(rows: Sequence[Item], known: Mapping[str, Any], job: Job) -> list[list[Item]]:
    """Cut rows into chunks, largest rows first, without what is known already."""
    if len(known) == len(rows):
        return []
    size = job.chunk_size or job.part.chunk_size()
    order = sorted(rows, key=lambda row: (-row.size, row.key))
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    left = [[row for row in chunk if row.key not in known] for chunk in cut]
    return [chunk for chunk in left if chunk]

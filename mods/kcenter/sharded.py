"""Exact k-center greedy over rows that lie apart: `kcenter_sharded`, with the picks of one array.

Each shard keeps its rows and what is known of their distances. In a round every shard learns the
centres picked since the last one and offers the few rows that may be picked next; then picks are
made among all offers until the next one might be a row that was not offered. A round makes dozens
to hundreds of picks (`csrc/cpu/shard.hpp`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mods.kcenter.contract import (
    Metric,
    Progress,
    check_first,
    check_initial,
    check_k,
    check_metric,
    finish,
)
from mods.kcenter.shard import Behind, Centres, Farthest, Plan, RowsShard, Settled

__all__ = ["LocalShards", "ShardedResult", "Shards", "Traffic", "kcenter_sharded"]

_MEAN_SAMPLE = 256


class Shards(Protocol):
    """Shards at work, wherever they are, in the order in which their rows are numbered."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def call(self, method: str, messages: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Call a method of `RowsShard` on some shards, at the same time; answers by shard.

        A shard that was lost is made again from its rows and called again: it answers `Behind`.
        """
        ...


class LocalShards:
    """Shards in this process, one after another: the plainest there are."""

    def __init__(self, parts: Sequence[NDArray[Any]], *, threads: int = 1) -> None:
        self._shards = [RowsShard(part, threads=threads) for part in parts]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._shards)

    def call(self, method: str, messages: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Call a method of some shards."""
        return {at: getattr(self._shards[at], method)(*given) for at, given in messages.items()}


class Traffic(NamedTuple):
    """What was exchanged with the shards, all of them together."""

    rounds: int
    """Times that every shard was sent a message and answered."""
    sent: int
    """Bytes of the arrays sent to shards."""
    received: int
    """Bytes of the arrays that came back."""


class ShardedResult(NamedTuple):
    """Rows picked, how well they cover the rest, and what that took.

    Attributes:
        indices: (k,) int64, row numbers in pick order, counted on from shard to shard.
        radii: (k,) float32, as in `KCenterResult`.
        traffic: rounds and bytes.
    """

    indices: NDArray[np.int64]
    radii: NDArray[np.float32]
    traffic: Traffic


def kcenter_sharded(
    shards: Shards | Sequence[NDArray[Any]],
    k: int,
    *,
    initial: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    first: int | None = None,
    seed: int = 0,
    metric: Metric = "euclidean",
    progress: Progress | None = None,
) -> ShardedResult:
    """Pick `k` rows of all shards together, bit for bit as `kcenter_greedy` does of one array.

    Args:
        shards: where the rows are; arrays are taken as shards in this process. Rows are numbered on
            from shard to shard.
        k: rows to pick, as are the others, as in `kcenter_greedy`.
        initial: centres from the start; their vectors are sent to all shards.
        first: the first pick where there is no `initial`; else drawn from `seed`.
        seed: draws the first pick.
        metric: "euclidean" or "cosine".
        progress: called after each round with (rows picked, covering radius).

    Raises:
        ValueError: as `kcenter_greedy`, and for shards of different widths or dtypes.

    Warns:
        EarlyStopWarning: all remaining rows coincide with centres.
    """
    if isinstance(shards, Sequence):
        shards = LocalShards(shards)
    talk = _Talk(shards)
    n, d = talk.measure()
    fixed = check_initial(initial, n)
    k = check_k(k, n - len(fixed))
    start = check_first(first, fixed, seed, n)
    check_metric(metric)
    run = _Run(talk, n, d, k, fixed, start, metric, progress)
    indices, radii = run.pick()
    found = finish(indices, radii, k)
    return ShardedResult(*found, Traffic(talk.rounds, talk.sent, talk.received))


class _Talk:
    """Messages to shards and their answers, counted."""

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.firsts = np.zeros(len(shards) + 1, np.int64)
        self.rounds = self.sent = self.received = 0

    def measure(self) -> tuple[int, int]:
        """Ask for the shapes; returns (n, d) of all rows."""
        if not len(self.shards):
            raise ValueError("need at least one shard")
        shapes = self.ask("shape", dict.fromkeys(range(len(self.shards)), ()))
        kinds = {shape[1:] for shape in shapes.values()}
        if len(kinds) > 1:
            told = " and ".join(f"{d} columns of {dtype}" for d, dtype in sorted(kinds))
            raise ValueError(f"shards must be alike, got {told}")
        self.firsts[1:] = np.cumsum([shapes[at][0] for at in range(len(self.shards))])
        return int(self.firsts[-1]), int(shapes[0][1])

    def ask(self, method: str, messages: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Call a method of some shards; answers by shard."""
        answers = self.shards.call(method, messages)
        self.rounds += 1
        self.sent += sum(map(_size, messages.values()))
        self.received += sum(map(_size, answers.values()))
        return answers

    def read(self, numbers: NDArray[np.int64], metric: Metric, d: int) -> NDArray[np.float32]:
        """Return rows by their numbers among all, (m, d), in that order."""
        homes = np.searchsorted(self.firsts, numbers, side="right") - 1
        wanted = {
            int(at): (int(self.firsts[at]), metric, numbers[homes == at]) for at in np.unique(homes)
        }
        values = np.empty((len(numbers), d), np.float32)
        for at, rows in self.ask("read", wanted).items():
            values[homes == at] = rows
        return values


class _Run:
    """One call."""

    def __init__(
        self,
        talk: _Talk,
        n: int,
        d: int,
        k: int,
        fixed: NDArray[np.int64],
        first: int,
        metric: Metric,
        progress: Progress | None,
    ) -> None:
        from mods import _core

        self._talk, self._k, self._progress = talk, k, progress
        count = min(n, _MEAN_SAMPLE)
        sample = talk.read(n * np.arange(count, dtype=np.int64) // count, metric, d)
        mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        beginning = fixed if len(fixed) else np.array([first], np.int64)
        most = k + len(beginning)
        self._plans = [Plan(int(at), metric, mean, most) for at in talk.firsts[:-1]]
        self._ids, self._values = np.empty(most, np.int64), np.empty((most, d), np.float32)
        self._count = 0
        self._add(beginning, talk.read(beginning, metric, d))
        self._picks = _core.PicksApart(
            n=n, d=d, k=k, fixed=len(fixed), first=first, metric=metric, mean=mean
        )

    def pick(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Pick until enough is picked, or all other rows coincide with centres."""
        known, step = 0, "turn"
        settled: list[Settled | None] = [None] * len(self._plans)
        while step == "turn":
            left = self._k - len(self._picks.result()[0])
            offers = self._ask("turn", known, [(left, one) for one in settled])
            if any(offer is None for offer in offers):
                known, step = 0, "brute"
                break
            known = self._count
            step = self._picks.take(offers)
            if step != "done":
                self._add(*self._picks.news())
                settled = [self._picks.settled(at) for at in range(len(self._plans))]
            self._tell()
        while step == "brute":
            best = self._farthest(known)
            known = self._count
            step = self._picks.take_farthest(best.value, best.id)
            if step == "brute":
                self._add(np.array([best.id]), best.values[None])
            self._tell()
        indices, radii = self._picks.result()
        return indices, radii

    def _farthest(self, known: int) -> Farthest:
        """Return the farthest row of all, which of equals is the first."""
        found: list[Farthest] = self._ask("brute", known, [()] * len(self._plans))
        return max(found, key=lambda one: one.value)

    def _ask(self, method: str, known: int, rest: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send all shards the centres after the first `known`; those that lack more, get more."""
        messages = {
            at: (plan, self._since(known), *rest[at]) for at, plan in enumerate(self._plans)
        }
        answers = self._talk.ask(method, messages)
        while behind := {at: one for at, one in answers.items() if isinstance(one, Behind)}:
            # What they were to settle, they no longer know.
            again = {
                at: (self._plans[at], self._since(one.centres), *rest[at][:1])
                for at, one in behind.items()
            }
            answers |= self._talk.ask(method, again)
        return [answers[at] for at in range(len(self._plans))]

    def _since(self, known: int) -> Centres:
        return Centres(known, self._ids[known : self._count], self._values[known : self._count])

    def _add(self, ids: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        if not len(ids):
            return
        end = self._count + len(ids)
        self._ids[self._count : end] = ids
        self._values[self._count : end] = values
        self._count = end

    def _tell(self) -> None:
        indices, radii = self._picks.result()
        if self._progress is not None and len(radii):
            self._progress(len(indices), float(radii[-1]))


def _size(message: Any) -> int:
    """Return the bytes of the arrays in a message."""
    if isinstance(message, np.ndarray):
        return message.nbytes
    return sum(map(_size, message)) if isinstance(message, tuple) else 0

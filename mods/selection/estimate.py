"""What a run will take, reckoned from a probe: seconds with a range, tokens, and what they save."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LEAST_DOUBT = 0.2
"""Share by which an estimate may be wrong at least: machines are not equally fast all day."""


@dataclass(frozen=True)
class Span:
    """Seconds, with a range that they will probably be in."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    @classmethod
    def around(cls, likely: float, doubt: float = LEAST_DOUBT) -> Span:
        """Return the span of a value that may be wrong by a share in both directions."""
        doubt = max(LEAST_DOUBT, doubt)
        return cls(likely / (1 + doubt), likely, likely * (1 + doubt))

    def __add__(self, other: Span) -> Span:
        """Add what comes one after the other."""
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def as_dict(self, rate: float | None = None) -> dict[str, Any]:
        """Return plain JSON values; with a rate, money an hour, money besides."""
        names = ("low", "likely", "high")
        seconds = {name: round(getattr(self, name), 3) for name in names}
        if rate is None:
            return {"seconds": seconds}
        money = {name: round(getattr(self, name) / 3600 * rate, 6) for name in names}
        return {"seconds": seconds, "money": money}


@dataclass(frozen=True)
class Sample:
    """What some groups of rows took, from short rows to long ones, each for as many others."""

    rows: int
    """Rows of the groups."""
    a_row: Sequence[float]
    """Seconds a row, group by group, loading left out."""
    tokens: float
    """Tokens a row."""
    constant: float
    """Seconds that do not grow with the rows: loading, and what the first call took besides."""
    lookup: float = 0.0
    """Seconds a row to find its result in the cache, or to be handed it."""

    def seconds(self, rows: int, left: int) -> Span:
        """Return what so many rows will take, of which so many are left to compute."""
        found = Span.around(self.lookup * rows)
        if not left or not self.a_row:
            return found
        mean = sum(self.a_row) / len(self.a_row)
        return Span.around(self.constant + mean * left, self.doubt) + found

    @property
    def doubt(self) -> float:
        """By what share two halves of the sample, of all lengths each, differ."""
        halves = [sum(part) / len(part) for part in (self.a_row[::2], self.a_row[1::2]) if part]
        if len(halves) < 2 or not sum(halves):
            return 0.0
        return abs(halves[0] - halves[1]) * 2 / sum(halves)


@dataclass(frozen=True)
class Tuning:
    """What a tuning on a few rows took."""

    constant: float
    """Seconds that do not grow with the rows."""
    a_token: float
    """Seconds a token, or a row where the trainer tells no tokens."""
    tokens: float
    """Tokens a row, over all epochs; 1 where the trainer tells none."""
    known: bool
    """Whether the trainer tells tokens."""

    def on(self, stage: str, part: str, rows: int, longer: float = 1.0) -> Estimate:
        """Reckon a tuning on so many rows, so many times as long as those of the probe."""
        tokens = rows * self.tokens * longer
        seconds = self.constant + tokens * self.a_token if rows else 0.0
        told = round(tokens) if self.known else 0
        return Estimate(stage, "tune", part, rows, rows, told, Span.around(seconds))


@dataclass(frozen=True)
class Estimate:
    """What one kind of work of a run will take."""

    stage: str
    work: str
    part: str
    """The plug-in that does it."""
    rows: int
    """Rows that it will work on."""
    left: int
    """Of these, rows that the cache does not hold yet."""
    tokens: int
    """Tokens that models will read and write, as far as the plug-ins say."""
    seconds: Span


@dataclass(frozen=True)
class Forecast:
    """What a run will take, and what it saves each time a model is tuned on its selection."""

    steps: Sequence[Estimate]
    whole: Estimate | None
    """Tuning on the whole pool; None if the run makes no trainer."""
    chosen: Estimate | None
    """Tuning on the selection."""
    probe: float
    """Seconds that the probe took."""

    @property
    def selecting(self) -> Span:
        """What all stages will take."""
        return sum((step.seconds for step in self.steps), Span())

    @property
    def saves(self) -> Span | None:
        """What each tuning on the selection saves against one on the whole pool; below 0: costs."""
        if self.whole is None or self.chosen is None:
            return None
        a, b = self.whole.seconds, self.chosen.seconds
        return Span(a.low - b.high, a.likely - b.likely, a.high - b.low)

    @property
    def pays_from(self) -> tuple[int | None, int | None, int | None]:
        """From which tuning on selecting pays: at best, probably, at worst; None is never."""
        spent, saved = self.selecting, self.saves or Span()
        pairs = ((spent.low, saved.high), (spent.likely, saved.likely), (spent.high, saved.low))
        runs = [max(1, math.ceil(cost / gain)) if gain > 0 else None for cost, gain in pairs]
        return runs[0], runs[1], runs[2]

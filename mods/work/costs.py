"""What work costs: rows, tokens, seconds and bytes, by what was done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from mods.spending import Spent, spending

if TYPE_CHECKING:
    from mods.interfaces import Outcome


@dataclass
class Cost:
    """The cost of one kind of work."""

    rows: int = 0
    """Rows asked for."""
    computed: int = 0
    """Of these, rows that were not in the cache."""
    tokens: int = 0
    """Tokens that models read and wrote for them, as far as the plug-ins say."""
    seconds: float = 0.0
    """Seconds of computing, added up over all processes."""
    loading: float = 0.0
    """Of these, seconds of loading models."""
    device_seconds: float = 0.0
    """Of the seconds, those of calls that used an accelerator."""
    bytes_read: int = 0
    """Bytes of results taken from the cache; for reading, of the files."""
    bytes_written: int = 0
    """Bytes of results put into the cache; for writing, of the run folder."""

    @property
    def cached(self) -> int:
        """Rows taken from the cache."""
        return self.rows - self.computed

    def add(self, seconds: float, spent: Spent) -> None:
        """Add what some calls took."""
        self.tokens += spent.tokens
        self.seconds += seconds
        self.loading += spent.loading
        self.device_seconds += seconds if spent.accelerated else 0.0

    def add_outcome(self, rows: int, outcome: Outcome) -> None:
        """Add a chunk that was computed."""
        self.computed += rows
        self.tokens += outcome.tokens
        self.seconds += outcome.seconds
        self.loading += outcome.loading
        self.device_seconds += outcome.device_seconds

    def since(self, before: Cost) -> Cost:
        """Return what was added to an earlier state."""
        now, then = asdict(self), asdict(before)
        return Cost(**{name: now[name] - then[name] for name in now})

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values: seconds to the millisecond."""
        values = {"rows": self.rows, "computed": self.computed, "cached": self.cached}
        rounded = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return {**values, **rounded}


class Costs:
    """Costs by label, e.g. `quality: reward-model`, in the order of the work."""

    def __init__(self) -> None:
        self._costs: dict[str, Cost] = {}

    def of(self, label: str) -> Cost:
        """Return the cost under a label, to be added to."""
        return self._costs.setdefault(label, Cost())

    def now(self, label: str) -> Cost:
        """Return a copy of the cost under a label, to be compared with a later state."""
        return replace(self.of(label))

    @contextmanager
    def timed(self, label: str, rows: int = 0) -> Iterator[Cost]:
        """Measure what is done in this process, on so many rows that no cache can hold."""
        cost, start = self.of(label), time.monotonic()
        cost.rows += rows
        with spending() as spent:
            yield cost
        cost.computed += rows
        cost.add(time.monotonic() - start, spent)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, by label."""
        return {label: cost.as_dict() for label, cost in self._costs.items()}

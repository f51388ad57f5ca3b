"""What work costs: rows asked for, rows computed, seconds, by what was done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Cost:
    """The cost of one kind of work."""

    rows: int = 0
    """Rows asked for."""
    computed: int = 0
    """Of these, rows that were not in the cache."""
    seconds: float = 0.0
    """Seconds of computing, added up over all processes."""


class Costs:
    """Costs by label, e.g. `quality: reward-model`."""

    def __init__(self) -> None:
        self._costs: dict[str, Cost] = {}

    def of(self, label: str) -> Cost:
        """Return the cost under a label, to be added to."""
        return self._costs.setdefault(label, Cost())

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        costs = {label: asdict(cost) for label, cost in self._costs.items()}
        for cost in costs.values():
            cost["seconds"] = round(cost["seconds"], 3)
        return costs

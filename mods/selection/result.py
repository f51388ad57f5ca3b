"""What a run found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.selection.receipts import Receipt, count_by_fate
from mods.work.costs import Costs

if TYPE_CHECKING:
    from mods.pool import Pool
    from mods.records import BrokenRow, Record


@dataclass(frozen=True)
class Selection:
    """The rows to tune on, and a receipt for every input row."""

    records: Sequence[Record]
    """The selected records in order of pick: seeds, then necessary rows."""
    receipts: Sequence[Receipt]
    """One per input row, in input order."""
    quarantined: Sequence[BrokenRow]
    pool: Pool = field(repr=False)
    """The records that passed the quality stage, with what the selector needed of them."""
    thresholds: Mapping[str, Any]
    """By setting (`alpha`, `beta`): `asked`, as it was given, and `score`, what it came to."""
    seconds: Mapping[str, float]
    """By stage."""
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the tuned model answered, by record id, where the necessity model reviewed answers."""
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that makes the result, and what came out; see docs/run-folder.md."""
    costs: Costs = field(default_factory=Costs, repr=False)
    """What the run read, computed and took from the cache; see docs/costs.md."""
    folder: Path | None = None

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The selected rows as they were read."""
        return [record.raw for record in self.records]

    @property
    def totals(self) -> Mapping[str, int]:
        """Rows by fate."""
        return count_by_fate(self.receipts)

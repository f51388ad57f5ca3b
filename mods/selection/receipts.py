"""Receipts: the fate of every input row; nothing is lost, nothing is invented."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from mods.files import to_json
from mods.records import BrokenRow, Record

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.data.reading import Reading
    from mods.pool import Picks, Pool

Fate: TypeAlias = Literal["open", "selected", "rejected", "quarantined"]
Stage: TypeAlias = Literal["reading", "contamination", "quality", "coverage", "necessity"]
STAGES: tuple[Stage, ...] = ("reading", "contamination", "quality", "coverage", "necessity")
FATES: tuple[Fate, ...] = ("selected", "rejected", "quarantined")


@dataclass(slots=True)
class Receipt:
    """What happened to one input row, and why."""

    id: str | None
    """Content id of the record; none for a broken row."""
    source: str
    row: int
    fate: Fate = "open"
    stage: str = ""
    """The stage that decided."""
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    order: int | None = None
    """Place in the order of picks, from 1."""
    radius: float | None = None
    """Covering radius once this row was picked."""
    cut: set[str] = field(default_factory=set)
    """Steps that could not read the row whole: `quality`, `embedding`, `tuning`, …"""
    tokens: int | None = None
    """Tokens of the row, where they were counted."""


class Receipts:
    """One receipt per input row, in input order, and the rows that were set aside."""

    def __init__(self, reading: Reading) -> None:
        sources = {source: i for i, source in enumerate(reading.sources)}
        all = [Receipt(head.id, head.source, head.row) for head in reading.records.heads()]
        for again in reading.duplicates:
            source, row = reading.records.head(again.of)
            reason = f"duplicate of {source}:{row}"
            all.append(Receipt(again.id, again.source, again.row, "rejected", "reading", reason))
        for broken in reading.broken:
            all.append(
                Receipt(None, broken.source, broken.row, "quarantined", "reading", broken.reason)
            )
        all.sort(key=lambda r: (sources.get(r.source, len(sources)), r.row))
        self.all: list[Receipt] = all
        self.quarantined: list[BrokenRow] = list(reading.broken)
        self._of = {(r.source, r.row): r for r in all}
        self._rows = reading.rows
        self.check(len(reading.records))

    def of(self, record: Record) -> Receipt:
        """The receipt of a record."""
        return self._of[record.source, record.row]

    def score(self, records: Sequence[Record], name: str, values: Iterable[float]) -> None:
        """Note scores under the name of the plug-in that gave them."""
        for record, value in zip(records, values, strict=True):
            self.of(record).scores[name] = value

    def count(self, records: Sequence[Record], tokens: npt.NDArray[np.int64]) -> None:
        """Note how many tokens rows have."""
        for record, number in zip(records, tokens.tolist(), strict=True):
            self.of(record).tokens = number

    def cut(self, records: Iterable[Record], step: str) -> int:
        """Note rows that a step could not read whole; returns their number."""
        number = 0
        for record in records:
            self.of(record).cut.add(step)
            number += 1
        return number

    def reject(self, record: Record, stage: Stage, reason: str) -> None:
        """Decide that a row is not selected."""
        self._decide(record, "rejected", stage, reason)

    def quarantine(self, record: Record, stage: Stage, reason: str) -> None:
        """Set a row aside that a plug-in could not work on."""
        self._decide(record, "quarantined", stage, reason)
        text = to_json(record.raw).decode("utf-8").rstrip("\n")
        self.quarantined.append(BrokenRow(record.row, reason, text, record.source))

    def select(self, pool: Pool, picks: Picks, stage: Stage, reason: str, *, after: int) -> None:
        """Decide that picked rows are selected, in their order, after so many others."""
        radii = [None] * len(picks.indices) if picks.radii is None else picks.radii
        for at, (i, radius) in enumerate(zip(picks.indices, radii, strict=True)):
            receipt = self._decide(pool.records[i], "selected", stage, reason)
            receipt.order = after + at + 1
            receipt.radius = None if radius is None else float(radius)

    def _decide(self, record: Record, fate: Fate, stage: Stage, reason: str) -> Receipt:
        """Decide a row; a row is decided once."""
        receipt = self.of(record)
        assert receipt.fate == "open", f"{receipt} is decided twice"
        receipt.fate, receipt.stage, receipt.reason = fate, stage, reason
        return receipt

    def check(self, open_rows: int) -> None:
        """Assert that rows in = selected + rejected + quarantined + still open."""
        counted = sum(receipt.fate == "open" for receipt in self.all)
        assert len(self.all) == self._rows == len(self._of), "a row was lost or invented"
        assert counted == open_rows, f"{counted} rows are undecided, expected {open_rows}"


def count_by_stage(receipts: Sequence[Receipt]) -> dict[str, dict[str, int]]:
    """Rows by stage and fate."""
    table: dict[str, dict[str, int]] = {stage: dict.fromkeys(FATES, 0) for stage in STAGES}
    for receipt in receipts:
        table[receipt.stage][receipt.fate] += 1
    return table


def count_by_fate(receipts: Sequence[Receipt]) -> dict[str, int]:
    """Rows by fate; their sum is the number of input rows."""
    totals: dict[str, int] = dict.fromkeys(FATES, 0)
    for counts in count_by_stage(receipts).values():
        for fate, count in counts.items():
            totals[fate] += count
    assert sum(totals.values()) == len(receipts), "rows in != selected + rejected + quarantined"
    return totals

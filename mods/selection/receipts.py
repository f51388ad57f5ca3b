"""The fate of every input row: nothing is lost, nothing is invented."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from mods.reading import Reading
    from mods.records import Record

Fate: TypeAlias = Literal["open", "selected", "rejected", "quarantined"]
Stage: TypeAlias = Literal["reading", "quality", "coverage", "necessity"]
STAGES: tuple[Stage, ...] = ("reading", "quality", "coverage", "necessity")


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


class Ledger:
    """One receipt per input row, in input order."""

    def __init__(self, reading: Reading) -> None:
        sources = {source: i for i, source in enumerate(reading.schemas)}
        receipts = [Receipt(r.id, r.source, r.row) for r in reading.records]
        for record, kept in reading.duplicates:
            reason = f"duplicate of {kept.source}:{kept.row}"
            receipts.append(
                Receipt(record.id, record.source, record.row, "rejected", "reading", reason)
            )
        for broken in reading.broken:
            receipts.append(
                Receipt(None, broken.source, broken.row, "quarantined", "reading", broken.reason)
            )
        receipts.sort(key=lambda r: (sources.get(r.source, len(sources)), r.row))
        self.receipts: list[Receipt] = receipts
        self._of = {(r.source, r.row): r for r in receipts}
        self.rows = reading.rows
        self.check(len(reading.records))

    def receipt(self, record: Record) -> Receipt:
        """The receipt of a record."""
        return self._of[record.source, record.row]

    def score(self, records: Sequence[Record], name: str, values: Iterable[float]) -> None:
        """Note scores under the name of the plug-in that gave them."""
        for record, value in zip(records, values, strict=True):
            self.receipt(record).scores[name] = value

    def close(
        self,
        record: Record,
        fate: Fate,
        stage: Stage,
        reason: str,
        *,
        order: int | None = None,
        radius: float | None = None,
    ) -> None:
        """Decide a row; a row is decided once."""
        receipt = self.receipt(record)
        assert receipt.fate == "open", f"{receipt} is decided twice"
        receipt.fate, receipt.stage, receipt.reason = fate, stage, reason
        receipt.order, receipt.radius = order, radius

    def check(self, open_rows: int) -> None:
        """Assert that rows in = selected + rejected + quarantined + still open."""
        counted = sum(receipt.fate == "open" for receipt in self.receipts)
        assert len(self.receipts) == self.rows == len(self._of), "a row was lost or invented"
        assert counted == open_rows, f"{counted} rows are undecided, expected {open_rows}"

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by stage and fate."""
        table: dict[str, dict[str, int]] = {
            stage: {"selected": 0, "rejected": 0, "quarantined": 0} for stage in STAGES
        }
        for receipt in self.receipts:
            table[receipt.stage][receipt.fate] += 1
        return table

    def totals(self) -> dict[str, int]:
        """Rows by fate; their sum is the number of input rows."""
        totals = {"selected": 0, "rejected": 0, "quarantined": 0}
        for counts in self.counts().values():
            for fate, count in counts.items():
                totals[fate] += count
        assert sum(totals.values()) == self.rows, "rows in != selected + rejected + quarantined"
        return totals

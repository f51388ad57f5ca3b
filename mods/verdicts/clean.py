"""Contamination: rows that repeat the prompts of the verdict leave every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mods.errors import DataError
from mods.selection.contamination import overlaps_of, told
from mods.verdicts.finished import Source

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.overlap.overlaps import Overlap
    from mods.plugins.part import Part
    from mods.work.work import Work


@dataclass(frozen=True)
class Contamination:
    """What was found."""

    rows: int = 0
    """Rows of the pool that left."""
    selected: int = 0
    """Selected rows among them."""
    found: Sequence[Overlap] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON: which row repeats which prompt, without their words."""
        named = ("source", "row", "set", "prompt", "kind", "share")
        pairs: list[Mapping[str, Any]] = [one.as_dict() for one in self.found]
        found = [{name: pair[name] for name in named} for pair in pairs]
        return {"rows": self.rows, "selected": self.selected, "found": found}


def without_contaminated(
    source: Source, prompts: Sequence[Prompt], work: Work, *, embedder: Part, near: float | None
) -> tuple[Source, Contamination]:
    """Take the rows that repeat a prompt out of the pool and the selection.

    By their words, and with `near` by the cosine of their embeddings, too. Raises `DataError`
    where no selected row is left.
    """
    overlaps = overlaps_of(source.pool.records, prompts, work, embedder=embedder, near=near)
    if not overlaps:
        return source, Contamination()
    places = {(overlap.source, overlap.row) for overlap in overlaps}
    records = source.pool.records
    kept = [at for at, r in enumerate(records) if (r.source, r.row) not in places]
    left = {records[at].id for at in kept}
    selected = [id for id in source.selected if id in left]
    gone = len(source.selected) - len(selected)
    work.progress.note(f"contamination: {told(overlaps)} and are in no arm; {gone:,} were selected")
    if not selected:
        raise DataError("every selected row repeats a prompt: nothing is left to judge")
    clean = Source(source.pool.rows(kept), selected, source.reading)
    return clean, Contamination(len(places), gone, overlaps)

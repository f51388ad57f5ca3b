"""Before stage 1, contamination: rows that repeat prompts of a test to come leave the pool."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mods.errors import SettingsError
from mods.overlap.near import near_overlaps
from mods.overlap.overlaps import Overlap, find_overlaps
from mods.records import Message, Record
from mods.selection.embedding import embed_records
from mods.work.columns import stacked

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.plugins.part import Part
    from mods.selection.stage import Given
    from mods.work.work import Work


def leave_out(
    records: Sequence[Record], prompts: Sequence[Prompt], given: Given
) -> Sequence[Record]:
    """Reject the records that repeat a prompt; returns the others.

    Raises `SettingsError` where every record repeats one.
    """
    near = given.settings.near
    embedder = None if near is None else given.parts["embedder"]
    reasons: dict[tuple[str, int], list[Overlap]] = defaultdict(list)
    found = overlaps_of(records, prompts, given.work, embedder=embedder, near=near)
    for overlap in found:
        reasons[overlap.source, overlap.row].append(overlap)
    if not reasons:
        return records
    kept = []
    for record in records:
        why = reasons.get((record.source, record.row))
        if why is None:
            kept.append(record)
        else:
            more = f"; and {len(why) - 1} more" if len(why) > 1 else ""
            given.receipts.reject(record, "contamination", f"{why[0]}{more}")
    given.receipts.check(len(kept))
    given.work.progress.note(f"contamination: {told(found)} and left")
    if not kept:
        raise SettingsError("every row repeats a prompt of `against`: nothing is left to select")
    return kept


def overlaps_of(
    records: Sequence[Record],
    prompts: Sequence[Prompt],
    work: Work,
    *,
    embedder: Part | None = None,
    near: float | None = None,
) -> list[Overlap]:
    """Find the records that repeat prompts by their words; with an embedder, near ones as well.

    In the order of the records; of one record, those found by words come first. A pair is named
    once. `near` is the cosine from which a row is near.
    """
    with work.progress.bar("contamination: words", len(records)) as advance:
        found = find_overlaps(records, prompts, on_progress=advance)
    if embedder is None or near is None:
        return found
    # What is asked is embedded; the reply of a prompt has no part in it.
    asked = [Record(p.conversation, Message("assistant", ""), p.set, p.row) for p in prompts]
    results = embed_records([*records, *asked], embedder, "prompt", work)
    vectors = stacked(results.values, str(embedder))
    ours, theirs = vectors[: len(records)], vectors[len(records) :]
    known = {pair_of(overlap) for overlap in found}
    close = near_overlaps(records, ours, prompts, theirs, near)
    found += [overlap for overlap in close if pair_of(overlap) not in known]
    place = {(record.source, record.row): at for at, record in enumerate(records)}
    return sorted(found, key=lambda overlap: place[overlap.source, overlap.row])


def pair_of(overlap: Overlap) -> tuple[str, int, str, int]:
    """Return which row repeats which prompt."""
    return overlap.source, overlap.row, overlap.set, overlap.prompt


def told(found: Sequence[Overlap]) -> str:
    """Say how many rows repeat prompts of which sets."""
    rows = len({(overlap.source, overlap.row) for overlap in found})
    sets = Counter(name for name, *_ in {(o.set, o.source, o.row) for o in found})
    named = ", ".join(f"{name} ({sets[name]:,})" for name in sorted(sets))
    return f"{rows:,} rows repeat prompts of {named}"

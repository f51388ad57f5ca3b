"""Stage 1, quality: score every record; rows above alpha stay (MoDS, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import SettingsError
from mods.interfaces import QUALITY, Encoded, PoolScorer, Unscorable
from mods.plugins.rules import checked_scores
from mods.pool import Pool
from mods.progress import noticing
from mods.selection.embedding import embed_texts
from mods.selection.stage import Given, score_name
from mods.work.columns import SCORES, Column, stacked, vectors
from mods.work.work import Job, Results, Work, items

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record


def pass_quality(records: Sequence[Record], given: Given) -> Pool:
    """Score, quarantine what cannot be scored, reject what is not above alpha."""
    part, alpha = given.parts["quality"], given.settings.alpha
    fit = given.fit_for(part, records, "quality")
    records = [records[at] for at in fit]
    results = score_records(records, part, given.work)
    given.heard(part, "quality", records, results.cut)
    places, values = given.without_unscorable(records, results.values, "quality")
    if not places:
        raise SettingsError(f"{part} could score none of {len(records)} rows")
    scored = [records[at] for at in places]
    given.receipts.score(scored, score_name("quality", part.name), values)
    scores = np.array(values, dtype=np.float64)
    passing, cut = given.passing("alpha", scores)
    for at in np.flatnonzero(~passing):
        reason = f"quality {scores[at]:.4g} does not pass alpha {alpha} ({cut:.4g})"
        given.receipts.reject(scored[at], "quality", reason)
    kept = [scored[at] for at in np.flatnonzero(passing)]
    given.receipts.check(len(kept))
    return Pool(kept, scores={QUALITY: scores[passing]})


def score_records(records: Sequence[Record], part: Part, work: Work) -> Results[float | Unscorable]:
    """Return one score per record, or the reason why it has none."""
    job, column = scoring(part)
    found = work.rows(job, column, items(records))
    if not isinstance(part.object, PoolScorer):
        return found
    features = stacked(found.values, str(part))
    with work.costs.timed(job.label), noticing() as noticed:
        scores = part.call(part.object.score_pool, records, features, *encoders(part, work))
    for note in noticed.notes:
        work.progress.note(note)
    cut = sorted({*found.cut, *noticed.cut})
    return Results(checked_scores(scores, len(records), str(part)), cut)


def encoders(part: Part, work: Work) -> list[Callable[[Sequence[str]], Encoded]]:
    """Return what gives a scorer the vectors of the embedder that it needs, if it needs one."""
    embedder = part.embedder
    if embedder is None:
        return []

    def encode(texts: Sequence[str]) -> Encoded:
        found = embed_texts(texts, embedder, f"quality: {part.name}", work)
        return Encoded(stacked(found.values, str(embedder)), found.cut)

    return [encode]


def scoring(part: Part) -> tuple[Job, Column[Any]]:
    """Return what a scorer does row by row, which is cached.

    That is the score, or the features of a scorer that sees the pool; its second step is cheap.
    """
    name, label = f"quality-{part.name}", f"quality: {part.name}"
    if isinstance(part.object, PoolScorer):
        return Job(part, "features", label, f"{name}-features", part.identity), vectors()
    return Job(part, "score", label, name, part.identity), SCORES

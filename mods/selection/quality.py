"""Stage 1, quality: score every record; rows above alpha stay (MoDS, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mods.cached import SCORES, VECTORS, Part, VectorChecker, compute_cached, stacked
from mods.checks import checked_scores
from mods.errors import PluginError
from mods.interfaces import PoolScorer, QualityScorer, Unscorable

if TYPE_CHECKING:
    from mods.progress import Progress
    from mods.records import Record


def score_records(
    records: Sequence[Record], part: Part, cache: Path, progress: Progress
) -> list[float | Unscorable]:
    """Return one score per record, or the reason why it has none."""
    if isinstance(part.object, PoolScorer):
        return score_pool(records, part, cache, progress)
    if not isinstance(part.object, QualityScorer):
        raise PluginError(f"{part} has no method score(records)")
    return compute_cached(
        records,
        lambda chunk: checked_scores(part.call(part.object.score, chunk), len(chunk), str(part)),
        codec=SCORES,
        cache=cache,
        name=f"quality-{part.plugin.name}",
        identity=part.identity,
        chunk_size=part.chunk_size(),
        progress=progress,
        label=f"quality: {part.plugin.name}",
    )


def score_pool(
    records: Sequence[Record], part: Part, cache: Path, progress: Progress
) -> list[float | Unscorable]:
    """Score through features cached per record and a cheap second step over the pool."""
    features = compute_cached(
        records,
        VectorChecker(part, part.object.features),
        codec=VECTORS,
        cache=cache,
        name=f"quality-{part.plugin.name}-features",
        identity=part.identity,
        chunk_size=part.chunk_size(),
        progress=progress,
        label=f"quality: {part.plugin.name}",
    )
    scores = part.call(part.object.score_pool, records, stacked(features, part))
    return checked_scores(scores, len(records), str(part))

"""Stage 2, coverage: pick a diverse seed set (MoDS, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mods.interfaces import EMBEDDINGS, TOKENS, USUAL_NEEDS, Budget, Picks, Pool
from mods.plugins.rules import checked_picks
from mods.selection.embedding import embed_records
from mods.selection.quality import score_records
from mods.selection.stage import Given, further_scorers, needed, score_name
from mods.work.columns import COUNTS, stacked
from mods.work.work import Job, items

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.records import Record


def fill_pool(pool: Pool, given: Given) -> Pool:
    """Add to the pool what the selector needs, and nothing else."""
    needs = given.parts["selector"].needs(USUAL_NEEDS)
    for scorer in further_scorers(needs):
        pool = add_score(pool, scorer, given)
    if EMBEDDINGS in needs:
        part = given.parts["embedder"]
        pool = pool.rows(given.fit_for(part, pool.records, "coverage"))
        found = embed_records(pool.records, part, given.settings.embed_text, given.work)
        given.heard(part, "embedding", pool.records, found.cut)
        pool = replace(pool, embeddings=stacked(found.values, str(part)))
    if TOKENS in needs:
        pool = replace(pool, tokens=count_tokens(pool.records, given))
    return without_refused(pool, given)


def without_refused(pool: Pool, given: Given) -> Pool:
    """Quarantine the rows that the selector says it cannot place."""
    part = given.parts["selector"]
    if not hasattr(part.object, "refused"):
        return pool
    refused: Mapping[int, str] = part.call(part.object.refused, pool)
    for at, reason in refused.items():
        given.receipts.quarantine(pool.records[at], "coverage", reason)
    return pool.rows([at for at in range(len(pool.records)) if at not in refused])


def add_score(pool: Pool, scorer: str, given: Given) -> Pool:
    """Add the scores of a further quality scorer; rows it cannot score leave the pool."""
    part = given.parts[needed(scorer)]
    pool = pool.rows(given.fit_for(part, pool.records, "coverage"))
    results = score_records(pool.records, part, given.work)
    given.heard(part, scorer, pool.records, results.cut)
    places, values = given.without_unscorable(pool.records, results.values, "coverage")
    left = pool.rows(places)
    given.receipts.score(left.records, score_name("quality", scorer), values)
    return replace(left, scores={**left.scores, scorer: np.array(values, dtype=np.float64)})


def count_tokens(records: Sequence[Record], given: Given) -> npt.NDArray[np.int64]:
    """Count the tokens that tuning learns from each row, with the trainer's own template."""
    part = given.parts["trainer"]
    job = Job(part, "count_tokens", "tokens", f"tokens-{part.name}", part.identity)
    return np.array(given.work.rows(job, COUNTS, items(records)).values, dtype=np.int64)


def pick_seeds(pool: Pool, given: Given) -> list[int]:
    """Pick the seeds; returns their places in the pool, in order of pick."""
    asked = given.settings.seeds
    none = np.empty(0, dtype=np.int64)
    picks = pick(pool, asked, none, given.parts["selector"])
    given.receipts.select(pool, picks, "coverage", "seed", after=0)
    if len(picks.indices) < asked:
        given.work.progress.note(
            f"{len(picks.indices)} seeds instead of {asked}: every other row coincides with one "
            "of them"
        )
    seeds: list[int] = picks.indices.tolist()
    return seeds


def pick(pool: Pool, k: int, initial: npt.NDArray[np.int64], part: Part) -> Picks:
    """Pick up to k rows of the pool besides the fixed centres."""
    picks = part.call(part.object.select, pool, Budget(rows=k), initial=initial)
    return checked_picks(picks, len(pool.records), k, initial, str(part))

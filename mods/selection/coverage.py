"""Stage 2, coverage: pick a diverse seed set (MoDS, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mods.errors import SettingsError
from mods.interfaces import EMBEDDINGS, TOKENS, USUAL_NEEDS
from mods.plugins.rules import checked_picks
from mods.pool import Budget, Picks, Pool
from mods.selection.embedding import embed_records
from mods.selection.quality import score_records
from mods.selection.stage import Given, further_scorers, needed, score_name
from mods.work.columns import COUNTS, stacked
from mods.work.work import Job, items

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.amount import Amount


SELECT, COUNT = "coverage: select", "coverage: tokens"
"""What costs call it."""


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
    if TOKENS in needs or given.settings.in_tokens:
        tokens = count_tokens(pool.records, given)
        given.receipts.count(pool.records, tokens)
        pool = replace(pool, tokens=tokens)
    pool = without_tokenless(pool, given) if given.settings.in_tokens else pool
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


def without_tokenless(pool: Pool, given: Given) -> Pool:
    """Reject rows of no tokens: a budget in tokens would hold any number of them."""
    assert pool.tokens is not None
    for at in np.flatnonzero(pool.tokens == 0).tolist():
        given.receipts.reject(pool.records[at], "coverage", "tuning learns nothing from it")
    return pool.rows(np.flatnonzero(pool.tokens > 0).tolist())


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
    """Count the tokens of each row with the trainer's own tokenizer and template."""
    job = counting(given.parts["trainer"], given.settings.count)
    return np.array(given.work.rows(job, COUNTS, items(records)).values, dtype=np.int64)


def counting(part: Part, count: Literal["trained", "all"]) -> Job:
    """Return what counts the tokens of rows."""
    method = "count_all_tokens" if count == "all" else "count_tokens"
    name = method.removeprefix("count_")
    return Job(part, method, COUNT, f"{name}-{part.name}", part.identity)


def pick_seeds(pool: Pool, given: Given) -> Picks:
    """Pick the seeds; the indices are their places in the pool, in order of pick."""
    asked = given.settings.seeds
    none = np.empty(0, dtype=np.int64)
    budget = budget_of(asked, asked.value, pool)
    with given.work.costs.timed(SELECT, len(pool.records)):
        picks = pick(pool, budget, none, given.parts["selector"])
    count = len(picks.indices)
    if not count:
        raise SettingsError(
            f"`seeds` {asked}: no row has so few tokens; the shortest has {pool.tokens.min()}"
            if pool.tokens is not None
            else f"{given.parts['selector']} picked no seed"
        )
    given.receipts.select(pool, picks, "coverage", "seed", after=0)
    if exhausted(picks, asked, len(pool.records)):
        given.work.progress.note(
            f"{count} seeds instead of {asked}: every other row coincides with one of them"
        )
    return picks


def exhausted(picks: Picks, asked: Amount, rows: int) -> bool:
    """Say whether a selector ended before it had what it was asked for, with rows left."""
    if asked.in_tokens:
        return not picks.passed and len(picks.indices) < rows
    return len(picks.indices) < asked.value


def budget_of(amount: Amount, left: int, pool: Pool) -> Budget:
    """Return the budget of a selector that may take so much of an amount."""
    return Budget(len(pool.records), left) if amount.in_tokens else Budget(left)


def pick(pool: Pool, budget: Budget, initial: npt.NDArray[np.int64], part: Part) -> Picks:
    """Pick rows of the pool within a budget, besides the fixed centres."""
    picks = part.call(part.object.select, pool, budget, initial=initial)
    return checked_picks(picks, pool, budget, initial, str(part))

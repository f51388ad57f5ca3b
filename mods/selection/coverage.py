"""Stage 2, coverage: pick a diverse seed set (MoDS, section 3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mods.errors import SettingsError
from mods.interfaces import EMBEDDINGS, TOKENS, USUAL_NEEDS
from mods.plugins.rules import checked_picks
from mods.pool import Budget, Picks, Pool
from mods.selection.quality import score_records
from mods.selection.stage import Given, further_scorers, needed, score_name
from mods.work.columns import COUNTS, Column, stacked, vectors
from mods.work.work import Item, Job, Results, Work, items

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.amount import Amount
    from mods.settings.run import EmbedText


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
    return without_tokenless(pool, given) if given.settings.in_tokens else pool


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


def text_of(record: Record, what: EmbedText) -> str:
    """The text of a record that is embedded, what tells it from others first.

    Embedders read the beginning of a text, some only 256 tokens: of several turns the newest comes
    first and a system message last, so that one that rows share does not make them one point.
    """
    turns = record.context
    if what == "instruction":
        return record.instruction
    if len(turns) <= 1:
        return record.prompt if what == "prompt" else f"{record.prompt}\n{record.response}"
    newest_first = [t for t in reversed(turns) if t.role != "system"]
    last, *older = newest_first + [t for t in turns if t.role == "system"]
    newest = [last] if what == "prompt" else [last, record.reply]
    return "\n".join(f"{turn.role}: {turn.text}" for turn in (*newest, *older))


def embed_records(
    records: Sequence[Record], part: Part, what: EmbedText, work: Work
) -> Results[npt.NDArray[np.float32]]:
    """Return one vector per record, float32, shape (d,)."""
    return work.rows(*embedding(records, part, what))


def embedding(
    records: Sequence[Record], part: Part, what: EmbedText
) -> tuple[Job, Column[npt.NDArray[np.float32]], list[Item]]:
    """Return what embeds the texts of records, and those texts."""
    texts = [text_of(record, what) for record in records]
    identity = {"text": what, "turns": "newest first", **part.identity}
    fit = texts if hasattr(part.object, "fit") else None
    if fit is not None:
        identity["pool"] = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
    label, name = f"coverage: {part.name}", f"embedding-{part.name}"
    job = Job(part, "embed", label, name, identity, fit=fit)
    rows = [Item(r.key, text, r.size) for r, text in zip(records, texts, strict=True)]
    return job, vectors(), rows


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

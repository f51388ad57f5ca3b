"""Stage 3, necessity: which rows does the seed-tuned model answer badly? (MoDS, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import ANSWERS, LOSSES, Evidence, Pool, TokenLosses
from mods.selection.coverage import pick
from mods.selection.stage import Given, score_name
from mods.work import columns
from mods.work.tuned import TunedModel
from mods.work.work import Item, Job, Results

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record


def find_necessary(pool: Pool, seeds: Sequence[int], given: Given) -> list[int]:
    """Return the rows that the seed-tuned model answers badly, in input order."""
    chosen, beta = set(seeds), given.settings.beta
    others = [i for i in range(len(pool.records)) if i not in chosen]
    if not others:
        return []
    part = given.parts["necessity"]
    tuned = TunedModel(
        given.parts["trainer"],
        given.parts["generator"],
        [pool.records[i] for i in seeds],
        given.settings.generation,
        given.work,
        label="necessity",
        purpose="seeds",
    )
    reviewed, values = review(pool, others, tuned, given)
    rows = [pool.records[i] for i in seeds]
    notes, too_long = tuned.noticed()
    for note in notes:
        given.work.progress.note(note)
    given.heard(given.parts["trainer"], "tuning", rows, too_long)
    name = score_name("necessity", part.name)
    given.receipts.score([pool.records[i] for i in reviewed], name, values)
    scores = np.array(values, dtype=np.float64)
    passing, cut = given.passing("beta", scores)
    for at in np.flatnonzero(~passing):
        reason = (
            f"answered well enough: necessity {scores[at]:.4g} does not pass beta {beta} "
            f"({cut:.4g})"
        )
        given.receipts.reject(pool.records[reviewed[at]], "necessity", reason)
    return [reviewed[at] for at in np.flatnonzero(passing)]


def review(
    pool: Pool, rows: Sequence[int], tuned: TunedModel, given: Given
) -> tuple[list[int], list[float]]:
    """Ask the model, and have the necessity model review it; returns rows and their scores.

    Rows that cannot be answered or reviewed are quarantined.
    """
    part, generator = given.parts["necessity"], given.parts["generator"]
    left = list(rows)
    for seen_by in (generator, part):
        fit = given.fit_for(seen_by, [pool.records[i] for i in left], "necessity")
        left = [left[at] for at in fit]
    found: dict[str, dict[int, Any]] = {}
    for need in needs_of(part, generator):
        ask: Callable[[Sequence[Record]], Results[Any]] = getattr(tuned, need)
        records = [pool.records[i] for i in left]
        results = ask(records)
        given.heard(generator, need, records, results.cut)
        places, values = given.without_unscorable(records, results.values, "necessity")
        left = [left[at] for at in places]
        found[need] = dict(zip(left, values, strict=True))
    rows_to_review = [
        Item(
            pool.records[i].key,
            (pool.records[i], {need: values[i] for need, values in found.items()}),
            pool.records[i].size,
        )
        for i in left
    ]
    job = Job(
        part,
        "review",
        f"necessity: {part.name}",
        f"necessity-{part.name}",
        {**part.identity, "tuned": tuned.answering},
        spread=with_evidence,
        chunk_size=part.chunk_size(given.settings.generation.batch_size),
    )
    reviewed = given.work.rows(job, columns.SCORES, rows_to_review)
    records = [pool.records[i] for i in left]
    given.heard(part, "review", records, reviewed.cut)
    places, values = given.without_unscorable(records, reviewed.values, "necessity")
    return [left[at] for at in places], values


def needs_of(part: Part, generator: Part) -> tuple[str, ...]:
    """Return the evidence that a necessity model needs; an error if it cannot be had."""
    needs = part.needs((ANSWERS,))
    for need in needs:
        if need not in (ANSWERS, LOSSES):
            raise PluginError(f"{part} needs {need!r}; there are {ANSWERS!r} and {LOSSES!r}")
    if LOSSES in needs and not isinstance(generator.object, TokenLosses):
        raise SettingsError(
            f"{part} needs token losses, which {generator} does not give: choose another "
            "`generator`, or another `necessity`"
        )
    return needs


def with_evidence(chunk: Sequence[Any]) -> tuple[Any, ...]:
    """Turn a chunk of (record, evidence of the record) into the arguments of `review`."""
    needs = chunk[0][1]
    evidence = {need: [found[need] for _, found in chunk] for need in needs}
    return [record for record, _ in chunk], Evidence(**evidence)


def pick_necessary(
    pool: Pool, seeds: Sequence[int], necessary: Sequence[int], given: Given
) -> list[int]:
    """Second coverage pass: pick among the necessary rows, with the seeds as fixed centres."""
    wanted = given.settings.budget - len(seeds)
    both = sorted([*seeds, *necessary])
    place = {i: at for at, i in enumerate(both)}
    part = pool.rows(both)
    added: list[int] = []
    if necessary:
        initial = np.array([place[i] for i in seeds], dtype=np.int64)
        k = min(wanted, len(necessary))
        picks = pick(part, k, initial, given.parts["selector"])
        given.receipts.select(part, picks, "necessity", "necessary", after=len(seeds))
        added = [both[at] for at in picks.indices]
    for i in set(necessary) - set(added):
        reason = f"necessary, but not among the {len(added)} picked up to the budget"
        given.receipts.reject(pool.records[i], "necessity", reason)
    if len(added) < wanted:
        others = len(pool.records) - len(seeds)
        given.work.progress.note(
            f"{len(seeds) + len(added)} rows instead of `budget` {given.settings.budget}: "
            + shortage(others, len(necessary), len(added), given)
        )
    return added


def shortage(others: int, necessary: int, added: int, given: Given) -> str:
    """Say why the budget was not met, and what would help."""
    if others == 0:
        return "every row that passes alpha is a seed; lower alpha or the number of seeds"
    if added < necessary:
        return "the other necessary rows coincide with rows picked already"
    return (
        f"{necessary} of {others} rows are necessary at `beta` {given.settings.beta}; "
        "raise beta for more"
    )

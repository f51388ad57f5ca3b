"""Stage 3, necessity: which rows does the seed-tuned model answer badly? (MoDS, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import ANSWERS, LOSSES, Evidence, TokenLosses, Unscorable
from mods.pool import Picks, Pool
from mods.selection.coverage import budget_of, pick
from mods.selection.stage import Given, score_name, takes_weights
from mods.work import columns
from mods.work.tuned import TunedModel
from mods.work.work import Item, Job, Results

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record


TUNING, SELECT = "necessity: tuning", "necessity: select"
"""What costs call it."""


def find_necessary(pool: Pool, seeds: Sequence[int], given: Given) -> list[int]:
    """Return the rows that the seed-tuned model answers badly, in input order."""
    chosen, beta = set(seeds), given.settings.beta
    others = [i for i in range(len(pool.records)) if i not in chosen]
    if not others:
        return []
    part = given.parts["necessity"]
    tuned = TunedModel(
        given.parts.get("trainer") if takes_weights(given.parts["generator"]) else None,
        given.parts["generator"],
        [pool.records[i] for i in seeds],
        given.settings.generation,
        given.work,
        label="necessity",
        purpose="seeds",
    )
    reviewed, values = review(pool, others, tuned, given)
    hear_tuning(tuned, given)
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


def hear_tuning(tuned: TunedModel, given: Given) -> None:
    """Note what was noticed while the model was tuned, or that it was not."""
    if tuned.rows is None:
        given.work.progress.note(
            f"{given.parts['generator'].name}: no model was tuned on the seeds; what was reviewed "
            "is the served model as it is"
        )
        return
    notes, too_long = tuned.noticed()
    for note in notes:
        given.work.progress.note(note)
    given.heard(given.parts["trainer"], "tuning", tuned.rows, too_long)


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
    given.answers.update((pool.records[i].id, a) for i, a in found.get(ANSWERS, {}).items())
    records = [pool.records[i] for i in left]
    evidence = [{need: values[i] for need, values in found.items()} for i in left]
    size = given.settings.generation.batch_size
    reviewed = given.work.rows(*reviewing(part, tuned, records, evidence, size))
    given.heard(part, "review", records, reviewed.cut)
    places, values = given.without_unscorable(records, reviewed.values, "necessity")
    return [left[at] for at in places], values


def reviewing(
    part: Part,
    tuned: TunedModel,
    records: Sequence[Record],
    evidence: Sequence[Mapping[str, Any]],
    chunk_size: int,
) -> tuple[Job, columns.Column[float | Unscorable], list[Item]]:
    """Return what reviews records in the light of the evidence on each, by need."""
    pairs = zip(records, evidence, strict=True)
    rows = [Item(record.key, (record, found), record.size) for record, found in pairs]
    job = Job(
        part,
        "review",
        f"necessity: {part.name}",
        f"necessity-{part.name}",
        {**part.identity, "tuned": tuned.answering},
        spread=with_evidence,
        chunk_size=part.chunk_size(chunk_size),
    )
    return job, columns.SCORES, rows


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


def left_of_budget(pool: Pool, seeds: Sequence[int], given: Given) -> int:
    """Return what the seeds leave of the budget, in its unit; `SettingsError` if it is less."""
    asked = given.settings.budget
    tokens = 0 if pool.tokens is None else int(pool.tokens[list(seeds)].sum())
    left = asked.left(rows=len(seeds), tokens=tokens)
    if left < 0:
        held = f"{tokens:,} tokens" if asked.in_tokens else f"{len(seeds):,} rows"
        raise SettingsError(
            f"`budget` {asked} is below `seeds` {given.settings.seeds}, which came to {held}: the "
            "selection holds the seeds, so raise the budget or lower the seeds"
        )
    return left


def pick_necessary(
    pool: Pool, seeds: Sequence[int], necessary: Sequence[int], given: Given
) -> list[int]:
    """Second coverage pass: pick among the necessary rows, with the seeds as fixed centres."""
    asked, left = given.settings.budget, left_of_budget(pool, seeds, given)
    both = sorted([*seeds, *necessary])
    place = {i: at for at, i in enumerate(both)}
    part = pool.rows(both)
    picks = Picks(np.empty(0, dtype=np.int64))
    if necessary:
        initial = np.array([place[i] for i in seeds], dtype=np.int64)
        budget = budget_of(asked, left if asked.in_tokens else min(left, len(necessary)), part)
        with given.work.costs.timed(SELECT, len(both)):
            picks = pick(part, budget, initial, given.parts["selector"])
        given.receipts.select(part, picks, "necessity", "necessary", after=len(seeds))
    added = [both[at] for at in picks.indices]
    for i in sorted(set(necessary) - set(added)):
        reason = f"necessary, but {why_not(place[i], part, picks)}"
        given.receipts.reject(pool.records[i], "necessity", reason)
    if not picks.passed and left_of_budget(pool, [*seeds, *added], given) > 0:
        others = len(pool.records) - len(seeds)
        given.work.progress.note(
            f"{found_of(pool, [*seeds, *added], given)} instead of `budget` {asked}: "
            + shortage(others, len(necessary), len(added), given)
        )
    return added


def why_not(at: int, pool: Pool, picks: Picks) -> str:
    """Say why a row of a pool was not picked."""
    if at in picks.passed and pool.tokens is not None:
        return (
            f"passed over: its {pool.tokens[at]:,} tokens alone are more than the "
            f"{picks.passed[at]:,} that were left of the budget"
        )
    return f"not among the {len(picks.indices)} picked up to the budget"


def found_of(pool: Pool, chosen: Sequence[int], given: Given) -> str:
    """Say how much was chosen, in the unit of the budget."""
    if given.settings.budget.in_tokens and pool.tokens is not None:
        return f"{pool.tokens[list(chosen)].sum():,} tokens"
    return f"{len(chosen)} rows"


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

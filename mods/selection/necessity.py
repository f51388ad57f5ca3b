"""Stage 3, necessity: which rows does the seed-tuned model answer badly? (MoDS, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import ANSWERS, LOSSES, Evidence, TokenLosses, Unscorable, Weights
from mods.pool import Picks, Pool
from mods.selection.coverage import budget_of, pick
from mods.selection.stage import Given, score_name, takes_weights
from mods.work import columns
from mods.work.weights import noticed_of, train
from mods.work.work import Item, Job, Results, Work, items

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.options import Generation


TUNING, SELECT = "necessity: tuning", "necessity: select"
"""What costs call it."""


class TunedModel:
    """The given model tuned on some rows, when first needed; its answers and losses are cached.

    With a generator that takes no weights it is the model as that serves it, and nothing is tuned.
    """

    def __init__(
        self,
        trainer: Part | None,
        generator: Part,
        rows: Sequence[Record],
        generation: Generation,
        work: Work,
    ) -> None:
        self._trainer, self._generator = trainer, generator
        self._rows, self._generation, self._work = rows, generation, work

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes the weights: the trainer with its settings, and the rows in order.

        Empty where nothing is tuned.
        """
        if self._trainer is None:
            return {}
        return {"trainer": self._trainer.identity, "rows": [record.id for record in self._rows]}

    @cached_property
    def answering(self) -> dict[str, Any]:
        """What makes the answers: the weights, who answers with them, and how it decodes."""
        settings = asdict(self._generation)
        if self._generation.temperature == 0:  # with sampling, batches share their noise
            del settings["batch_size"]
        return {**self._reading, "generation": settings}

    @property
    def _reading(self) -> dict[str, Any]:
        return {"weights": self.identity, "generator": self._generator.identity}

    @cached_property
    def weights(self) -> Weights | None:
        """The weights: tuned now, or found where an earlier run left them; None untuned."""
        if self._trainer is None:
            return None
        self._work.progress.say(f"necessity: tuning the model on {len(self._rows)} seeds")
        return train(self._trainer, self._rows, self.identity, self._work, TUNING)

    def answers(self, records: Sequence[Record]) -> Results[str | Unscorable]:
        """Return the model's answer to each record's conversation."""
        return self._work.rows(*self.asking(ANSWERS, records))

    def losses(self, records: Sequence[Record]) -> Results[float | Unscorable]:
        """Return the mean token loss of each record's own reply."""
        return self._work.rows(*self.asking(LOSSES, records))

    def asking(
        self, need: str, records: Sequence[Record]
    ) -> tuple[Job, columns.Column[Any], list[Item]]:
        """Return what asks the model for evidence on records: its answers, or its losses."""
        if need == ANSWERS:
            asked = items([record.conversation for record in records])
            return self._job(need, "responses", self.answering), columns.ANSWERS, asked
        return self._job(need, "losses", self._reading), columns.SCORES, items(records)

    def _job(self, method: str, name: str, identity: dict[str, Any]) -> Job:
        return Job(
            self._generator,
            method,
            f"necessity: {method}",
            name,
            identity,
            arguments=lambda: (self.weights,),
            chunk_size=self._generator.chunk_size(self._generation.batch_size),
        )


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
    )
    reviewed, values = review(pool, others, tuned, given)
    hear_tuning(tuned, [pool.records[i] for i in seeds], given)
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


def hear_tuning(tuned: TunedModel, rows: Sequence[Record], given: Given) -> None:
    """Note what was noticed while the model was tuned, or that it was not."""
    if not tuned.identity:
        given.work.progress.note(
            f"{given.parts['generator'].name}: no model was tuned on the seeds; what was reviewed "
            "is the served model as it is"
        )
        return
    notes, too_long = noticed_of(tuned.identity, rows, given.work)
    for note in notes:
        given.work.progress.note(note)
    given.heard(given.parts["trainer"], "tuning", rows, too_long)


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

"""A probe: what a run will take, measured on a sample that goes through the run's own parts.

What a part computes for the sample lies in the cache afterwards, where the run finds it. Only the
tuning of the probe, and what was asked of the model it made, serve no run: which rows are the seeds
is known once all rows are embedded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import SettingsError
from mods.files import json_digest
from mods.interfaces import (
    ANSWERS,
    EMBEDDINGS,
    QUALITY,
    TOKENS,
    USUAL_NEEDS,
    Encoded,
    PoolScorer,
    TokenCounter,
    Unscorable,
    WholeTokenCounter,
)
from mods.pool import Pool
from mods.selection.coverage import budget_of, counting, pick
from mods.selection.embedding import embedding, encoding
from mods.selection.estimate import Estimate, Forecast, Sample, Span, Tuning
from mods.selection.necessity import needs_of, reviewing
from mods.selection.plan import most_passing
from mods.selection.quality import encoders, scoring
from mods.selection.sampling import Measured, measure, spread
from mods.selection.stage import further_scorers, needed, takes_weights, unseen_media
from mods.work.columns import COUNTS, Column, stacked
from mods.work.costs import Cost
from mods.work.tuned import TunedModel
from mods.work.weights import took
from mods.work.work import Item, Job, Work, items

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.amount import Amount
    from mods.settings.run import RunSettings

LEAST, TUNED = 4, 8
"""The tuning of a probe has at least so many rows, and one of so many rows of the probe."""


def probe(
    records: Sequence[Record],
    settings: RunSettings,
    parts: Mapping[str, Part],
    work: Work,
    rows: int,
) -> Forecast:
    """Measure a sample of so many rows of every stage, and reckon what the whole run will take.

    The sample of a stage is spread over all lengths of the rows that it will work on and that the
    cache does not hold. Raises what the stages raise.
    """
    start = time.monotonic()
    taken = Probe(records, settings, parts, work, rows)
    taken.quality()
    taken.coverage()
    whole = chosen = None
    if settings.tunes:
        whole, chosen = taken.necessity()
    return Forecast(taken.steps, whole, chosen, time.monotonic() - start)


class Probe:
    """A probe under way."""

    def __init__(
        self,
        records: Sequence[Record],
        settings: RunSettings,
        parts: Mapping[str, Part],
        work: Work,
        rows: int,
    ) -> None:
        self.records, self.settings, self.parts = records, settings, parts
        self.work, self.rows = work, rows
        self.steps: list[Estimate] = []
        self.pool = Pool([])
        """The rows at hand: of the sample, those that pass alpha."""
        self.passing = 0
        """How many rows will pass alpha."""
        self.embedded: dict[str, set[str]] = {}
        """By embedder: texts whose vectors the quality stage will have left in the cache."""

    def add(
        self,
        stage: str,
        what: str,
        part: str,
        rows: int,
        left: int,
        taken: Sample,
        more: Cost | None = None,
    ) -> None:
        """Add the estimate of a step: so many rows of the sample's kind, and something besides."""
        more = more or Cost()
        tokens = round(taken.tokens * left) + more.tokens
        seconds = taken.seconds(rows, left) + Span.around(more.seconds)
        self.steps.append(Estimate(stage, what, part, rows, left, tokens, seconds))

    # --- the stages -----------------------------------------------------------------------------

    def quality(self) -> None:
        """Measure the quality stage, and keep the rows of the sample that pass alpha."""
        part, alpha = self.parts["quality"], self.settings.alpha
        records = [r for r in self.records if self._sees(part, r)]
        job, column = scoring(part)
        found = self._measured(job, column, items(records))
        at_hand = [record for record in records if record.key in found.known]
        if not at_hand:
            raise SettingsError(f"{part}: there is no row to probe")
        if isinstance(part.object, PoolScorer):
            scores, more = self._score_pool(part, records, at_hand, found.known)
        else:
            scores, more = [found.known[record.key] for record in at_hand], Cost()
        self.add("quality", "score", part.name, len(records), found.left, found.sample, more)
        scored = [at for at, score in enumerate(scores) if not isinstance(score, Unscorable)]
        if not scored:
            raise SettingsError(f"{part} could score none of {len(scores)} rows")
        values = np.array([scores[at] for at in scored], dtype=np.float64)
        whole = round(len(records) * len(scored) / len(scores))
        if alpha.unit == "score":
            passing, _ = alpha.passing(values)
            self.passing = round(whole * float(passing.mean()))
        else:
            self.passing = most_passing(whole, alpha)
            share = replace(alpha, unit="percent", value=100 * self.passing / whole)
            passing, _ = share.passing(values)
        kept = [at_hand[scored[at]] for at in np.flatnonzero(passing)]
        self.pool = Pool(kept, scores={QUALITY: values[passing]})
        if not kept:
            raise SettingsError(f"none of the {len(scores)} rows of the probe passes alpha {alpha}")

    def coverage(self) -> None:
        """Measure the coverage stage, and fill the pool of the sample."""
        needs = self.parts["selector"].needs(USUAL_NEEDS)
        for scorer in further_scorers(needs):
            self._add_score(scorer)
        if EMBEDDINGS in needs:
            self._embed()
        if TOKENS in needs or self.settings.in_tokens:
            self._count()
        self._select("coverage", self._rows_of(self.settings.seeds))

    def necessity(self) -> tuple[Estimate | None, Estimate | None]:
        """Measure the necessity stage; returns tuning on the whole pool and on the selection.

        None where nothing is tuned.
        """
        generator, part = self.parts["generator"], self.parts["necessity"]
        trainer = self.parts.get("trainer") if takes_weights(generator) else None
        seeds = min(self._rows_of(self.settings.seeds), self.passing)
        budget = min(self._rows_of(self.settings.budget), self.passing)
        rows, others = self._split(seeds)
        tuned = TunedModel(
            trainer, generator, rows, self.settings.generation, self.work, label="necessity",
            purpose="rows",
        )  # fmt: skip
        tuning = None if trainer is None else self._tune(tuned)
        if trainer is not None and tuning is not None:
            self.steps.append(tuning.on("necessity", trainer.name, seeds))
        self._ask(part, tuned, others, self.passing - seeds)
        if budget > seeds:
            self._select("necessity", budget - seeds)
        if trainer is None or tuning is None:
            return None, None
        longer = self._length(self.records) / max(self._length(rows), 1e-9)
        whole = tuning.on("whole pool", trainer.name, len(self.records), longer)
        return whole, tuning.on("selection", trainer.name, budget)

    # --- quality and coverage -------------------------------------------------------------------

    def _score_pool(
        self, part: Part, records: list[Record], at_hand: list[Record], known: dict[str, Any]
    ) -> tuple[list[Any], Cost]:
        """Time the step over the whole pool; rows without features lend those of similar length."""
        label = f"quality: {part.name}"
        by_size = sorted(at_hand, key=lambda record: record.size)
        sizes = [record.size for record in by_size]
        lent = [
            known.get(r.key, known[by_size[min(at, len(sizes) - 1)].key])
            for r, at in zip(
                records, np.searchsorted(sizes, [r.size for r in records]).tolist(), strict=True
            )
        ]
        texts: list[str] = []
        before = self.work.costs.now(label)
        with self.work.costs.timed(label):
            lending = self._lending(part, at_hand, texts)
            scores = part.call(part.object.score_pool, records, stacked(lent, str(part)), *lending)
        spent = self.work.costs.of(label).since(before)
        if part.embedder is not None:  # what it asked for is measured, and the sample scored anew
            job, column, asked = encoding(list(dict.fromkeys(texts)), part.embedder, label)
            found = self._measured(job, column, asked)
            self.embedded[json_digest(job.identity)] = {text.key for text in asked}
            self.add("quality", "embed", part.embedder.name, len(asked), found.left, found.sample)
            return self._score_sample(part, at_hand, known), spent
        of = {record.key: score for record, score in zip(records, scores, strict=True)}
        return [float(of[record.key]) for record in at_hand], spent

    def _lending(
        self, part: Part, at_hand: list[Record], texts: list[str]
    ) -> list[Callable[[Sequence[str]], Encoded]]:
        """Return what stands in for the embedder of a scorer, and writes down what is asked."""
        real = encoders(part, self.work)
        if not real:
            return []
        width = real[0]([at_hand[0].prompt]).vectors.shape[1]

        def lend(asked: Sequence[str]) -> Encoded:
            texts.extend(asked)
            return Encoded(np.ones((len(asked), width), dtype=np.float32), [])

        return [lend]

    def _score_sample(
        self, part: Part, records: list[Record], known: Mapping[str, Any]
    ) -> list[float | Unscorable]:
        """Score the rows of the sample as a pool of their own."""
        features = stacked([known[record.key] for record in records], str(part))
        own = encoders(part, self.work)
        return list(part.call(part.object.score_pool, records, features, *own))

    def _add_score(self, scorer: str) -> None:
        part = self.parts[needed(scorer)]
        job, column = scoring(part)
        found = self._measured(job, column, items(self._seen(part)), self.passing)
        self._keep(found.known)
        self.add("coverage", "score", scorer, self.passing, found.left, found.sample)
        if isinstance(part.object, PoolScorer):
            values = self._score_sample(part, list(self.pool.records), found.known)
        else:
            values = [found.known[record.key] for record in self.pool.records]
        places = [at for at, value in enumerate(values) if not isinstance(value, Unscorable)]
        pool = self.pool.rows(places)
        column_of = np.array([values[at] for at in places], dtype=np.float64)
        self.pool = replace(pool, scores={**pool.scores, scorer: column_of})

    def _embed(self) -> None:
        part = self.parts["embedder"]
        records = self._seen(part)
        job, column, rows = embedding(records, part, self.settings.embed_text)
        found = self._measured(job, column, rows, self.passing)
        pairs = zip(records, rows, strict=True)
        known = {r.key: found.known[text.key] for r, text in pairs if text.key in found.known}
        self._keep(known)
        left = self.passing if job.fit is not None else found.left  # fitted anew on the pool
        by_then = self.embedded.get(json_digest(job.identity), set())
        left = round(left * sum(text.key not in by_then for text in rows) / max(1, len(rows)))
        self.add("coverage", "embed", part.name, self.passing, left, found.sample)
        vectors = stacked([known[r.key] for r in self.pool.records], str(part))
        self.pool = replace(self.pool, embeddings=vectors)

    def _count(self) -> None:
        part = self.parts["trainer"]
        job = counting(part, self.settings.count)
        found = self._measured(job, COUNTS, items(self.pool.records), self.passing)
        self._keep(found.known)
        self.add("coverage", "count tokens", part.name, self.passing, found.left, found.sample)
        counts = [found.known[record.key] for record in self.pool.records]
        self.pool = replace(self.pool, tokens=np.array(counts, dtype=np.int64))

    def _select(self, stage: str, rows: int) -> None:
        """Time a selection out of the sample; it grows with the rows and with the picks."""
        part, at_hand = self.parts["selector"], len(self.pool.records)
        asked, grown = max(1, rows), self.passing / at_hand
        k = min(at_hand, max(1, round(asked / grown)))
        budget = budget_of(replace(self.settings.seeds, unit="rows"), k, self.pool)
        none = np.empty(0, dtype=np.int64)
        took = []
        for _ in range(2):  # the first call starts threads
            start = time.monotonic()
            pick(self.pool, budget, none, part)
            took.append(time.monotonic() - start)
        once = took[-1]
        seconds = Span(once, once * grown, max(once * grown * asked / k, once * grown))
        self.steps.append(
            Estimate(stage, "select", part.name, self.passing, self.passing, 0, seconds)
        )

    # --- necessity ------------------------------------------------------------------------------

    def _split(self, seeds: int) -> tuple[list[Record], list[Record]]:
        """Return the rows to tune on, of all lengths, and the others."""
        records = sorted(self.pool.records, key=lambda record: (record.size, record.key))
        batch = self.settings.tuning.batch_size
        k = max(LEAST, self.rows // TUNED)
        k = max(1, min(k - k % batch if k > batch else k, seeds, len(records) // 2))
        places = {int((at + 0.5) * len(records) / k) for at in range(k)}
        tuned = [record for at, record in enumerate(records) if at in places]
        return tuned, [r for at, r in enumerate(records) if at not in places] or tuned

    def _tune(self, tuned: TunedModel) -> Tuning:
        self.work.progress.say("probe: tuning on a few rows")
        tuned.weights  # noqa: B018  (tuned now, or found)
        assert tuned.identity is not None
        done = took(tuned.identity, self.work)
        assert done is not None, "a finished tuning says what it took"
        if done.tokens and done.pace is not None:
            constant = max(done.loading, done.seconds - done.pace * done.tokens)
            return Tuning(constant, done.pace, done.tokens / done.rows, known=True)
        a_row = (done.seconds - done.loading) / done.rows
        return Tuning(done.loading, a_row, 1.0, known=False)

    def _ask(self, part: Part, tuned: TunedModel, records: list[Record], rows: int) -> None:
        """Measure the evidence on rows, and its review."""
        generator = self.parts["generator"]
        left = [r for r in records if self._sees(generator, r) and self._sees(part, r)]
        evidence: dict[str, dict[str, Any]] = {record.key: {} for record in left}
        for need in needs_of(part, generator):
            job, column, asked = tuned.asking(need, left)
            found = self._measured(job, column, asked, rows)
            work = "answer" if need == ANSWERS else "losses"
            self.add("necessity", work, generator.name, rows, rows, found.sample)
            answered = zip(left, asked, strict=True)
            left = []
            for record, item in answered:
                value = found.known.get(item.key, Unscorable("not in the sample"))
                if not isinstance(value, Unscorable):
                    evidence[record.key][need] = value
                    left.append(record)
        size = self.settings.generation.batch_size
        told = [evidence[record.key] for record in left]
        found = self._measured(*reviewing(part, tuned, left, told, size), rows)
        self.add("necessity", "review", part.name, rows, rows, found.sample)

    def _length(self, records: Sequence[Record]) -> float:
        """Return the mean length of rows in tuning: tokens if the trainer counts, else 1."""
        part = self.parts["trainer"]
        if not isinstance(part.object, (TokenCounter, WholeTokenCounter)):
            return 1.0
        whole = isinstance(part.object, WholeTokenCounter)
        job = counting(part, "all" if whole else "trained")
        rows = spread(items(records), self.rows)
        found = self.work.rows(job, COUNTS, [row for group in rows for row in group])
        return float(np.mean(found.values)) if found.values else 1.0

    # --- helpers --------------------------------------------------------------------------------

    def _sees(self, part: Part, record: Record) -> bool:
        return self.settings.media == "text" or not unseen_media(part, record)

    def _seen(self, part: Part) -> list[Record]:
        """Return the records of the pool that a part can see; the others leave it."""
        places = [at for at, r in enumerate(self.pool.records) if self._sees(part, r)]
        self.pool = self.pool.rows(places)
        return list(self.pool.records)

    def _keep(self, known: Mapping[str, Any]) -> None:
        """Leave the records in the pool that something is known of."""
        places = [at for at, record in enumerate(self.pool.records) if record.key in known]
        self.pool = self.pool.rows(places)

    def _rows_of(self, amount: Amount) -> int:
        """Return about how many rows an amount comes to."""
        if not amount.in_tokens or self.pool.tokens is None:
            return amount.value
        return max(1, round(amount.value / max(1.0, float(self.pool.tokens.mean()))))

    def _measured(
        self, job: Job, column: Column[Any], rows: Sequence[Item], expected: int | None = None
    ) -> Measured:
        return measure(self.work, self.rows, job, column, rows, expected)

"""The arms of a verdict: which rows the model is tuned on in each, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import EMBEDDINGS, QUALITY, TOKENS, USUAL_NEEDS, TokenCounter
from mods.plugins.part import Part
from mods.plugins.rules import checked_picks
from mods.pool import Budget, Pool
from mods.selection.embedding import embed_records
from mods.settings.choice import Choice
from mods.work.columns import COUNTS, stacked
from mods.work.work import Job, items

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.registry import Registry
    from mods.records import Record
    from mods.settings.options import Tuning
    from mods.settings.run import RunSettings
    from mods.work.work import Work

SELECTION, UNTUNED = "selection", "untuned"
"""The arms that are no plug-ins."""
BASELINE, RIVAL = "random", "longest"
"""What a selection has to beat, and what it must not be worse than."""
USUAL = (SELECTION, BASELINE, RIVAL, "top-quality", "distinct-half", "whole", UNTUNED)
WORDS = {
    SELECTION: "the rows that mods selected",
    UNTUNED: "the given model as it is",
}


@dataclass(frozen=True)
class Draw:
    """Rows to tune on, and how long."""

    rows: Sequence[Record]
    tokens: int
    """Learned tokens of the rows, each counted once."""
    updates: int
    """Optimiser steps."""
    epochs: float
    """How often the rows are learned."""
    deviation: float
    """The share by which the tokens of the rows miss their budget; the epochs make up for it."""

    def tuning(self, tuning: Tuning) -> Tuning:
        """Return the settings of the tuning that keeps to this."""
        return replace(tuning, steps=self.updates, epochs=self.epochs)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "rows": len(self.rows),
            "tokens": self.tokens,
            "updates": self.updates,
            "epochs": round(self.epochs, 6),
            "mean_response_tokens": round(self.tokens / len(self.rows), 3),
            "deviation": round(self.deviation, 6),
        }


@dataclass(frozen=True)
class Target:
    """What every arm is matched to: the tokens and updates of the selection."""

    tokens: int
    """Learned tokens of the selected rows, each counted once."""
    epochs: float
    updates: int

    @property
    def learned(self) -> float:
        """Tokens learned in the whole tuning."""
        return self.tokens * self.epochs


@dataclass(frozen=True)
class ArmPlan:
    """An arm with its rows, once a draw; an untuned one has one draw without rows."""

    name: str
    words: str
    draws: Sequence[Draw | None]
    plain: bool = False
    """Whether one would take these rows without any selection."""

    @property
    def tuned(self) -> bool:
        """Whether the model is tuned in this arm."""
        return self.draws[0] is not None


UNTUNED_ARM = ArmPlan(UNTUNED, WORDS[UNTUNED], [None])


@dataclass(frozen=True)
class Arms:
    """Makes the arms of a verdict."""

    pool: Pool
    """With tokens; embeddings if an arm needs them."""
    selected: Sequence[int]
    target: Target
    registry: Registry
    settings: RunSettings
    draws: int

    def plan(self, choice: Choice) -> ArmPlan:
        """Return an arm with its rows, by the name of an arm or of a selector."""
        if choice.name == UNTUNED:
            return UNTUNED_ARM
        if choice.name == SELECTION:
            draw = self.matched(self.selected, len(self.selected))
            return ArmPlan(SELECTION, WORDS[SELECTION], [draw])
        parts = arm_parts(self.registry, choice, self.settings, self.draws)
        first = parts[0].object
        if parts[0].plugin.kind == "selector":
            rows = self._picked(parts[0])
            words = f"the rows that the selector {parts[0].name} picks"
            return ArmPlan(str(choice), words, [self.matched(rows)])
        ranked = [checked_ranking(p, self.pool) for p in parts]
        draws = [
            self.matched(rows) if getattr(first, "repeats", True) else self.once(rows)
            for rows in ranked
        ]
        words = str(getattr(first, "words", "")) or f"the arm {choice}"
        return ArmPlan(str(choice), words, draws, bool(getattr(first, "plain", False)))

    def of_rows(self, name: str, words: str, ids: Sequence[str]) -> ArmPlan:
        """Return an arm of rows that were selected in another way, in order of pick."""
        rows = places_of(self.pool, ids)
        if not rows:
            raise SettingsError(f"the arm {name} has no row with a token to learn")
        return ArmPlan(name, words, [self.matched(rows)])

    def matched(self, ranked: Sequence[int], take: int | None = None) -> Draw:
        """Return the first rows whose tokens are nearest to the selection's, for as many updates.

        The epochs make up for what the tokens of the rows miss.
        """
        return self._draw(ranked, self.target.tokens, take)

    def once(self, ranked: Sequence[int]) -> Draw:
        """Return the first rows whose tokens, each learned once, are those of a whole tuning."""
        return self._draw(ranked, self.target.learned)

    def _draw(self, ranked: Sequence[int], wanted: float, take: int | None = None) -> Draw:
        rows = ranked[: take or self._nearest(ranked, wanted)]
        tokens = self._tokens(rows)
        records = [self.pool.records[at] for at in rows]
        epochs = self.target.learned / tokens
        return Draw(records, tokens, self.target.updates, epochs, tokens / wanted - 1)

    def _tokens(self, rows: Sequence[int]) -> int:
        assert self.pool.tokens is not None
        return int(self.pool.tokens[np.asarray(rows, dtype=np.int64)].sum())

    def _nearest(self, ranked: Sequence[int], tokens: float) -> int:
        """Return how many of the rows come nearest to so many tokens, 1 or more."""
        assert self.pool.tokens is not None
        sums = np.cumsum(self.pool.tokens[np.asarray(ranked, dtype=np.int64)])
        return int(np.abs(sums - tokens).argmin()) + 1

    def _picked(self, part: Part) -> Sequence[int]:
        """Let a selector pick, more rows until their tokens meet those of the selection."""
        assert self.pool.tokens is not None
        none = np.empty(0, dtype=np.int64)
        size, most = len(self.selected), len(self.pool.records)
        while True:
            budget = Budget(rows=size)
            picks = part.call(part.object.select, self.pool, budget, initial=none)
            checked = checked_picks(picks, self.pool, budget, none, str(part))
            rows: list[int] = checked.indices.tolist()
            if not rows:
                raise SettingsError(f"{part} picks no row of the pool")
            if size == most or len(rows) < size or self._tokens(rows) >= self.target.tokens:
                return rows
            size = min(most, 2 * size)


def places_of(pool: Pool, ids: Sequence[str]) -> list[int]:
    """Return where the rows with these ids stand in the pool, those that do."""
    places = {record.id: at for at, record in enumerate(pool.records)}
    return [places[id] for id in ids if id in places]


def arm_parts(registry: Registry, choice: Choice, settings: RunSettings, draws: int) -> list[Part]:
    """Return the plug-in of an arm, once for each draw; a selector is an arm, too."""
    if choice.name in registry.names("selector") and choice.name not in registry.names("arm"):
        return [Part.choose(registry, "selector", choice, settings.context("selector"))]
    plugin = registry.get("arm", choice.name)
    times = draws if "draw" in plugin.parameters and "draw" not in choice.options else 1
    context = {"seed": settings.seed}
    return [
        Part.choose(registry, "arm", choice, {**context, "draw": number}) for number in range(times)
    ]


def needs_of(parts: Sequence[Part]) -> set[str]:
    """Return what arms need of the pool besides tokens; `SettingsError` for what is not there."""
    found: set[str] = set()
    for part in parts:
        needs = part.needs(USUAL_NEEDS if part.plugin.kind == "selector" else ())
        for need in needs:
            if need not in (EMBEDDINGS, QUALITY, TOKENS):
                raise SettingsError(
                    f"{part} needs {need!r}; the pool of a verdict has embeddings, quality, tokens"
                )
        found.update(needs)
    return found


def checked_ranking(part: Part, pool: Pool) -> list[int]:
    """Return the rows that an arm names; `PluginError` if they break a rule."""
    ranked = np.asarray(part.call(part.object.rank, pool))
    whole = ranked.ndim == 1 and np.issubdtype(ranked.dtype, np.integer)
    if not whole or not len(ranked):
        raise PluginError(f"{part} must rank rows of the pool: a list of places, one or more")
    if ranked.min() < 0 or ranked.max() >= len(pool.records):
        raise PluginError(f"{part} ranked a row outside 0..{len(pool.records) - 1}")
    if len(np.unique(ranked)) != len(ranked):
        raise PluginError(f"{part} ranked a row twice")
    rows: list[int] = ranked.tolist()
    return rows


def fill_pool(
    pool: Pool, needs: set[str], parts: Mapping[str, Part], settings: RunSettings, work: Work
) -> Pool:
    """Add tokens, and embeddings where an arm needs them; rows with nothing to learn leave."""
    tokens = count_tokens(pool.records, parts["trainer"], work)
    if not tokens.all():
        rows = len(tokens) - np.count_nonzero(tokens)
        work.progress.note(f"{rows:,} rows of the pool have no token to learn and are in no arm")
    pool = replace(pool, tokens=tokens).rows(np.flatnonzero(tokens).tolist())
    if EMBEDDINGS in needs:
        part = parts["embedder"]
        found = embed_records(pool.records, part, settings.embed_text, work)
        pool = replace(pool, embeddings=stacked(found.values, str(part)))
    return pool


def count_tokens(records: Sequence[Record], trainer: Part, work: Work) -> npt.NDArray[np.int64]:
    """Count the tokens that tuning learns from each row, with the trainer's own template."""
    if not isinstance(trainer.object, TokenCounter):
        raise SettingsError(
            f"{trainer} counts no tokens, by which the arms are matched: choose another `trainer`"
        )
    job = Job(trainer, "count_tokens", "tokens", f"tokens-{trainer.name}", trainer.identity)
    return np.array(work.rows(job, COUNTS, items(records)).values, dtype=np.int64)

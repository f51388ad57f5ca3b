"""Ablations: the selection of the run once more, each time with one ingredient less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mods.errors import ModsError
from mods.interfaces import USUAL_NEEDS
from mods.plugins.part import Part
from mods.plugins.registry import Plugin
from mods.selection.pipeline import select_rows
from mods.selection.stage import choose_parts
from mods.settings.choice import Choice
from mods.settings.threshold import Threshold

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.data.prompts import Prompt
    from mods.data.reading import Reading
    from mods.plugins.registry import Registry
    from mods.pool import Budget, Picks, Pool
    from mods.settings.run import RunSettings
    from mods.work.work import Work

NO_QUALITY, RANDOM_SEEDS, NO_NECESSITY = "no-quality", "random-seeds", "no-necessity"
ABLATIONS: Mapping[str, str] = {
    NO_QUALITY: "the same selection without the quality stage",
    RANDOM_SEEDS: "the same selection with seeds by chance",
    NO_NECESSITY: "the same selection by coverage alone, without a tuned model",
}
"""The arms, each in words."""


@dataclass(frozen=True)
class Ablated:
    """What a selection is made of again."""

    reading: Reading
    prompts: Sequence[Prompt]
    """Rows that repeat one of these leave first."""
    settings: RunSettings
    """Those of the run."""
    registry: Registry
    work: Work

    def names(self) -> list[str]:
        """Return the ablations that differ from the run: one without a tuned model lacks one."""
        return [n for n in ABLATIONS if n != NO_NECESSITY or self.settings.tunes]

    def select(self, name: str) -> list[str]:
        """Return the ids of the rows, in order of pick; what the run had computed is not again."""
        settings = self.settings
        if name == NO_QUALITY:
            settings = replace(
                settings, alpha=Threshold.parse("top 100%", setting="alpha", side="top")
            )
        elif name == NO_NECESSITY:
            settings = replace(settings, seeds=settings.budget)
        parts = choose_parts(self.registry, settings)
        if name == RANDOM_SEEDS:
            parts["selector"] = by_chance_first(parts["selector"], settings.seed)
        try:
            found = select_rows(self.reading, settings, parts, self.work, self.prompts)
        except ModsError as error:
            raise error.within(f"the arm {name}") from error
        return [record.id for record in found.records]


class ByChanceFirst:
    """A selector whose first pass, that for the seeds, is by chance."""

    def __init__(self, own: Part, chance: Part) -> None:
        self._own, self._chance = own, chance
        self.needs = own.needs(USUAL_NEEDS)
        if hasattr(own.object, "refused"):
            self.refused = own.object.refused

    def select(self, pool: Pool, budget: Budget, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick by chance as long as nothing is picked."""
        part = self._own if len(initial) else self._chance
        picks: Picks = part.call(part.object.select, pool, budget, initial=initial)
        return picks


def by_chance_first(own: Part, seed: int) -> Part:
    """Return the selector of a run with seeds by chance."""
    chance = Part.choose(own.registry, "selector", Choice("random"), {"seed": seed})
    plugin = Plugin("selector", RANDOM_SEEDS, lambda: ByChanceFirst(own, chance), own.plugin.origin)
    return Part(plugin, {}, own.registry)

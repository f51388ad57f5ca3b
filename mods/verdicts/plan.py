"""The plan of a verdict: every model that is tuned and asked, before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mods.interfaces import ANSWERS, LOSSES
from mods.plugins.part import Part
from mods.verdicts.arms import BASELINE, UNTUNED, UNTUNED_ARM
from mods.work.tuned import TunedModel

if TYPE_CHECKING:
    from mods.plugins.registry import Registry
    from mods.settings.run import RunSettings
    from mods.verdicts.arms import ArmPlan, Draw, Target
    from mods.verdicts.measures.measure import Measure
    from mods.verdicts.sets import PromptSet
    from mods.work.work import Work


@dataclass(frozen=True)
class Plan:
    """All that a verdict does."""

    arms: Sequence[ArmPlan]
    measures: Sequence[Measure]
    sets: Sequence[PromptSet]
    seeds: Sequence[int]
    """Tuning seeds."""
    target: Target
    settings: RunSettings
    registry: Registry
    parts: Mapping[str, Part]
    opponent: ArmPlan | None = None
    """One more random draw, which judges hold every answer against; None where none does."""

    @property
    def models(self) -> Iterator[tuple[ArmPlan, int, int]]:
        """Every model: its arm, the draw, the place of its tuning seed."""
        for arm in self.arms:
            for draw in range(len(arm.draws)):
                for seed in range(len(self.seeds) if arm.tuned else 1):
                    yield arm, draw, seed

    def model(self, arm: ArmPlan, draw: int, seed: int, work: Work) -> TunedModel:
        """Return a model of the plan, tuned when first asked."""
        drawn = arm.draws[draw]
        return TunedModel(
            self.parts["trainer"] if drawn is None else self._trainer(drawn, self.seeds[seed]),
            self.parts["generator"],
            None if drawn is None else drawn.rows,
            self.settings.generation,
            work,
            label="verdict",
            purpose=f"rows ({arm.name})",
        )

    def every_model(self, work: Work) -> Iterator[TunedModel]:
        """Yield every model that is tuned or asked, the opponent of judges among them."""
        for arm, draw, seed in self.models:
            yield self.model(arm, draw, seed, work)
        if self.opponent is not None:
            yield self.model(self.opponent, 0, 0, work)

    def opponent_of(self, measure: Measure, work: Work) -> TunedModel | None:
        """Return the model that a judge holds the others against; None where there is none."""
        if measure.opponent == UNTUNED:
            return self.model(UNTUNED_ARM, 0, 0, work)
        if measure.opponent == BASELINE and self.opponent is not None:
            return self.model(self.opponent, 0, 0, work)
        return None

    def _trainer(self, draw: Draw, seed: int) -> Part:
        choice = self.settings.parts["trainer"]
        context = self.settings.context("trainer")
        context.update(tuning=draw.tuning(self.settings.tuning), seed=seed)
        return Part.choose(self.registry, "trainer", choice, context)

    def as_dict(self) -> dict[str, Any]:
        """Return the work to be done, at most, as plain JSON; the cache may hold some of it."""
        models = list(self.models)
        needs = {need for measure in self.measures for need in measure.needs}
        asked = {
            need: len({p for m in self.measures if need in m.needs for p in m.places})
            for need in (ANSWERS, LOSSES)
            if need in needs
        }
        judged = sum(2 * len(m.places) for m in self.measures if m.opponent is not None)
        return {
            "arms": {arm.name: arm_as_dict(arm, self.seeds) for arm in self.arms},
            "measures": [measure.name for measure in self.measures],
            "prompts": {one.name: len(one.prompts) for one in self.sets},
            "tokens": self.target.tokens,
            "updates": self.target.updates,
            "tunings": sum(arm.tuned for arm, _, _ in models) + (self.opponent is not None),
            "models": len(models),
            **{need: rows * len(models) for need, rows in asked.items()},
            **({"judgements": judged * len(models)} if judged else {}),
        }


def arm_as_dict(arm: ArmPlan, seeds: Sequence[int]) -> dict[str, Any]:
    """Return an arm as plain JSON."""
    return {
        "words": arm.words,
        "matched": arm.tuned,
        "tuned": arm.tuned,
        "draws": [draw.as_dict() for draw in arm.draws if draw is not None],
        "seeds": list(seeds) if arm.tuned else [],
    }

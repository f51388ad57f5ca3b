"""The trial: every model of the plan tuned, asked and measured; what is done lies in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mods.verdicts.measures.measure import Counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.verdicts.plan import Plan
    from mods.work.work import Work


@dataclass(frozen=True)
class Found:
    """What a measure found."""

    values: Mapping[str, npt.NDArray[np.float64]]
    """By arm: shape (draws, seeds, prompts), NaN where there is no number."""
    counts: Counts
    longer: Mapping[str, npt.NDArray[np.float64]] | None = None
    """Of pairs: likewise, how much longer each answer is than the other."""


def try_arms(plan: Plan, work: Work) -> dict[str, Found]:
    """Tune and measure every model of the plan; returns what each measure found, by its name."""
    values = {measure.name: empty(plan) for measure in plan.measures}
    longer = {m.name: empty(plan) for m in plan.measures if m.opponent is not None}
    counts = {measure.name: Counts() for measure in plan.measures}
    models = list(plan.models)
    for number, (arm, draw, seed) in enumerate(models, 1):
        work.progress.say(f"verdict: model {number} of {len(models)}: {describe(arm, draw, seed)}")
        model = plan.model(arm, draw, seed, work)
        for measure in plan.measures:
            measured = measure.measure(model, plan.opponent_of(measure, work), work)
            values[measure.name][arm.name][draw, seed] = measured.values
            if measured.longer is not None:
                longer[measure.name][arm.name][draw, seed] = measured.longer
            counts[measure.name].add(measured.counts)
        for note in model.noticed()[0]:
            work.progress.note(note)
    return {name: Found(values[name], counts[name], longer.get(name)) for name in values}


def empty(plan: Plan) -> dict[str, npt.NDArray[np.float64]]:
    """Return room for the numbers of a measure, by arm: shape (draws, seeds, prompts)."""
    size = sum(len(one.prompts) for one in plan.sets)
    return {
        arm.name: np.full((len(arm.draws), len(plan.seeds) if arm.tuned else 1, size), np.nan)
        for arm in plan.arms
    }


def describe(arm: object, draw: int, seed: int) -> str:
    """Name a model of the plan."""
    return f"{getattr(arm, 'name', arm)}, draw {draw + 1}, tuning seed {seed + 1}"

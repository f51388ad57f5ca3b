"""The trial: every model of the plan tuned, asked and measured; what is done lies in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mods.verdicts.measures import Counts

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


def try_arms(plan: Plan, work: Work) -> dict[str, Found]:
    """Tune and measure every model of the plan; returns what each measure found, by its name."""
    size = sum(len(one.prompts) for one in plan.sets)
    values = {
        measure.name: {
            arm.name: np.full((len(arm.draws), len(plan.seeds) if arm.tuned else 1, size), np.nan)
            for arm in plan.arms
        }
        for measure in plan.measures
    }
    counts = {measure.name: Counts() for measure in plan.measures}
    models = list(plan.models)
    for number, (arm, draw, seed) in enumerate(models, 1):
        work.progress.say(f"verdict: model {number} of {len(models)}: {describe(arm, draw, seed)}")
        model = plan.model(arm, draw, seed, work)
        for measure in plan.measures:
            measured = measure.measure(model, work)
            values[measure.name][arm.name][draw, seed] = measured.values
            counts[measure.name].add(measured.counts)
        for note in model.noticed()[0]:
            work.progress.note(note)
    return {name: Found(values[name], counts[name]) for name in values}


def describe(arm: object, draw: int, seed: int) -> str:
    """Name a model of the plan."""
    return f"{getattr(arm, 'name', arm)}, draw {draw + 1}, tuning seed {seed + 1}"

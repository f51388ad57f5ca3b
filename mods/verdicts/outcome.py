"""What came out: the judgement of every measure on every set, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mods._version import __version__
from mods.verdicts.arms import SELECTION
from mods.verdicts.plan import arm_as_dict
from mods.verdicts.statistics import judge

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.verdicts.measures import Measure
    from mods.verdicts.plan import Plan
    from mods.verdicts.trial import Found

ALL = "all"
"""The name of all sets together."""


def compose(
    plan: Plan,
    found: Mapping[str, Found],
    primary: str,
    run: Mapping[str, Any],
    makes: Mapping[str, Any],
    notes: Sequence[str],
    costs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the verdict; its word is that of the primary measure over all sets."""
    measures = {m.name: measured(m, found[m.name], plan) for m in plan.measures}
    judgement = measures[primary]["by_set"][ALL]
    return {
        "mods": __version__,
        "status": "done",
        "word": judgement["word"],
        "reason": judgement["reason"],
        "primary": primary,
        "run": dict(run),
        "settings": plan.settings.as_dict(),
        "makes": dict(makes),
        "sets": {one.name: one.as_dict() for one in plan.sets},
        "arms": {arm.name: arm_as_dict(arm, plan.seeds) for arm in plan.arms},
        "measures": measures,
        "notes": list(notes),
        "costs": dict(costs),
    }


def measured(measure: Measure, found: Found, plan: Plan) -> dict[str, Any]:
    """Return what a measure says, by set and over all."""
    bounds = np.cumsum([0, *(len(one.prompts) for one in plan.sets)]).tolist()
    parts = {
        one.name: slice(a, b) for one, a, b in zip(plan.sets, bounds, bounds[1:], strict=False)
    }
    by_set = {}
    for name, part in {**parts, ALL: slice(None)}.items():
        values = {arm: all[:, :, part] for arm, all in found.values.items()}
        if has_numbers(values):
            by_set[name] = judged(values, measure.scale.better)
    return {**measure.as_dict(), "by_set": by_set, "counts": asdict(found.counts)}


def has_numbers(values: Mapping[str, npt.NDArray[np.float64]]) -> bool:
    """Say whether every arm has a number for some prompt."""
    return all(bool(np.isfinite(one).any()) for one in values.values())


def judged(values: Mapping[str, npt.NDArray[np.float64]], better: Any) -> dict[str, Any]:
    """Return a judgement as plain JSON; one that is neither better nor worse has no word."""
    found = asdict(judge(values, better=better or "higher", subject=SELECTION))
    if better is None:
        found.update(word=None, reason="a number to be read beside the others")
    return found

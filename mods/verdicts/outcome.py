"""What came out: the judgement of every measure on every set, as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mods._version import __version__
from mods.errors import DataError
from mods.files import to_json
from mods.judging.statistics import judge
from mods.verdicts.arms import SELECTION
from mods.verdicts.plan import arm_as_dict

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.trials import Better
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
    told = {m.name: measured(m, found[m.name], plan) for m in plan.measures}
    measures = {name: measure for name, (measure, _) in told.items()}
    notes = [*notes, *(note for _, more in told.values() for note in more)]
    judgement = measures[primary]["by_set"].get(ALL)
    if judgement is None:
        raise DataError(f"nothing can be said: {'; '.join(told[primary][1])}")
    made = {
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
    plain: dict[str, Any] = json.loads(to_json(made))
    return plain


def measured(measure: Measure, found: Found, plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """Return what a measure says, by set and over all, and what is to be said about it."""
    bounds = np.cumsum([0, *(len(one.prompts) for one in plan.sets)]).tolist()
    parts = dict(zip((one.name for one in plan.sets), map(slice, bounds, bounds[1:]), strict=False))
    by_set, notes = {}, []
    for name, part in {**parts, ALL: slice(None)}.items():
        values = {arm: all[:, :, part] for arm, all in found.values.items()}
        if not any(np.isfinite(one).any() for one in values.values()):
            notes.append(f"{name} is not measured by {measure.name}: {measure.lacks}")
            continue
        try:
            by_set[name] = judged(values, measure.scale.better)
        except DataError as error:  # too few prompts with a number
            notes.append(f"{measure.name}, {name}: {error}")
    if found.counts.judged < found.counts.asked:
        left = found.counts.asked - found.counts.judged
        notes.append(f"{measure.name}: {left:,} of {found.counts.asked:,} have no number")
    told = {**measure.as_dict(), "by_set": by_set, "counts": asdict(found.counts)}
    return told, notes


def judged(values: Mapping[str, npt.NDArray[np.float64]], better: Better | None) -> dict[str, Any]:
    """Return a judgement as plain JSON; what is neither better nor worse gets no word.

    Raises `DataError` where too few prompts have a number.
    """
    found = asdict(judge(values, better=better or "higher", subject=SELECTION))
    if better is None:
        found.update(word=None, reason="a number to be read beside the others")
    return found

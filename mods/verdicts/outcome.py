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
from mods.judging.pairwise import at_equal_length
from mods.judging.statistics import judge
from mods.verdicts.arms import SELECTION
from mods.verdicts.plan import arm_as_dict

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces.trials import Better
    from mods.verdicts.measures.measure import Measure
    from mods.verdicts.plan import Plan
    from mods.verdicts.trial import Found

    Values = Mapping[str, npt.NDArray[np.float64]]

ALL = "all"
"""The name of all sets together."""
EQUAL, AS_JUDGED = "at equal length", "as judged"
"""The two measures that come of a pairwise judge: the first decides."""


def compose(
    plan: Plan,
    found: Mapping[str, Found],
    primary: str,
    run: Mapping[str, Any],
    makes: Mapping[str, Any],
    notes: Sequence[str],
    costs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the verdict; its word is that of the primary measure over all sets.

    Where that cannot be judged after all, there is no evidence; the other measures stand.
    """
    told: dict[str, dict[str, Any]] = {}
    lacking: dict[str, list[str]] = {}
    for measure in plan.measures:
        for name, (one, more) in measured(measure, found[measure.name], plan).items():
            told[name], lacking[name] = one, more
    judgement = told[primary]["by_set"].get(ALL)
    if judgement is None:
        reason = f"nothing can be said: {'; '.join(lacking[primary])}"
        judgement = {"word": "no evidence", "reason": reason}
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
        "measures": told,
        "notes": list(
            dict.fromkeys([*notes, *(note for more in lacking.values() for note in more)])
        ),
        "costs": dict(costs),
    }
    plain: dict[str, Any] = json.loads(to_json(made))
    return plain


def measured(
    measure: Measure, found: Found, plan: Plan
) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Return what a measure says, by set and over all, and what is to be said about it.

    By name: one for most measures; of pairs there are two, at equal length and as judged.
    """
    counts = found.counts
    notes = []
    if counts.judged < counts.asked:
        left = counts.asked - counts.judged
        notes.append(f"{measure.name}: {left:,} of {counts.asked:,} have no number")
    if counts.ties_unparsed:
        notes.append(
            f"{measure.name}: {counts.ties_unparsed:,} times the judge said nothing that can be "
            "read, also when asked again; each counts as a tie"
        )
    if not measure.independent:
        notes.append(f"{measure.name} is not independent: its model also made the selection")
    about = {**measure.as_dict(), "counts": asdict(counts)}
    by_set, lacking = judged_by_set(measure, found, plan, equal=found.longer is not None)
    whole = {measure.name: ({**about, "by_set": by_set}, [*notes, *lacking])}
    if found.longer is not None:
        plain, lacking = judged_by_set(measure, found, plan, equal=False)
        whole[measure.name][0]["words"] += f", {EQUAL}"
        name, words = f"{measure.name} {AS_JUDGED}", f"{measure.words}, {AS_JUDGED}"
        whole[name] = ({**about, "words": words, "by_set": plain}, lacking)
    return whole


def judged_by_set(
    measure: Measure, found: Found, plan: Plan, *, equal: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the judgements by set, and why those that are missing are; pairs at equal length."""
    bounds = np.cumsum([0, *(len(one.prompts) for one in plan.sets)]).tolist()
    parts = dict(zip((one.name for one in plan.sets), map(slice, bounds, bounds[1:]), strict=False))
    by_set, notes = {}, []
    for name, part in {**parts, ALL: slice(None)}.items():
        values = {arm: all[:, :, part] for arm, all in found.values.items()}
        if not any(np.isfinite(one).any() for one in values.values()):
            notes.append(f"{name} is not measured by {measure.name}: {measure.lacks}")
            continue
        try:
            if equal and found.longer is not None:
                values = {
                    arm: at_equal_length(one, found.longer[arm][:, :, part])
                    for arm, one in values.items()
                }
            by_set[name] = judged(values, measure.scale.better)
        except DataError as error:  # too few prompts with a number, or length tells all
            notes.append(f"{measure.name}, {name}: {error}")
    return by_set, notes


def judged(values: Values, better: Better | None) -> dict[str, Any]:
    """Return a judgement as plain JSON; what is neither better nor worse gets no word.

    Raises `DataError` where too few prompts have a number.
    """
    found = asdict(judge(values, better=better or "higher", subject=SELECTION))
    if better is None:
        found.update(word=None, reason="a number to be read beside the others")
    return found

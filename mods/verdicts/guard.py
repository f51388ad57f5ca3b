"""The guard: the plain choice beside the selection, and which of the two to use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.files import write_lines
from mods.judging.shown import ALL, against
from mods.runs.folder import SELECTED
from mods.verdicts.arms import BASELINE, RIVAL, SELECTION

if TYPE_CHECKING:
    from mods.verdicts.arms import ArmPlan
    from mods.verdicts.plan import Plan

PLAIN = "plain.jsonl"
"""Where the rows of the plain choice are written, in the run folder."""


def plain_choice(plan: Plan, verdict: Mapping[str, Any]) -> ArmPlan:
    """Return the arm one would take instead of the selection: its first draw.

    That is the longest responses where the selection was shown to be worse than these, else rows
    by chance: no arm is picked for having come out best.
    """
    arms = {arm.name: arm for arm in plan.arms}
    judgement = verdict["measures"][verdict["primary"]]["by_set"].get(ALL)
    versus = against(judgement, SELECTION, RIVAL) if judgement else None
    if RIVAL in arms and versus is not None and versus["high"] is not None and versus["high"] < 0:
        return arms[RIVAL]
    return arms[BASELINE]


def guarded(plan: Plan, verdict: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Write the plain choice beside the selection; returns what to use, as plain JSON."""
    arm = plain_choice(plan, verdict)
    draw = arm.draws[0]
    assert draw is not None
    write_lines(folder / PLAIN, (record.text or record.raw for record in draw.rows))
    use = SELECTED if verdict["word"] == "helped" else PLAIN
    return {"use": use, "plain": PLAIN, "arm": arm.name, "rows": len(draw.rows)}

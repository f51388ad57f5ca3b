"""The costs of a run: `costs.json`, stage by stage, and what is read back of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods._version import __version__
from mods.errors import RunFolderError
from mods.runs.folder import COSTS
from mods.work.costs import Cost

if TYPE_CHECKING:
    from mods.work.costs import Costs

READING, WRITING = "reading: files", "writing: run folder"
"""What costs call it."""


@dataclass(frozen=True)
class StageCosts:
    """One stage: the seconds that passed, and the work that was done in them."""

    seconds: float
    work: dict[str, Cost]
    """By what was done: the name of a plug-in, `tokens`, `select`, `tuning`, …"""


def by_stage(costs: Costs, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return costs as `costs.json` holds them.

    `seconds` are those that passed in a stage; a stage without them took as long as its work.
    """
    stages: dict[str, Any] = {}
    for label, cost in costs.as_dict().items():
        stage, _, work = label.partition(": ")
        found = stages.setdefault(stage, {"seconds": seconds.get(stage, 0.0), "work": {}})
        found["work"][work] = cost
        if stage not in seconds:
            found["seconds"] = round(found["seconds"] + cost["seconds"], 3)
    return {"mods": __version__, "stages": stages}


def load_costs(folder: Path) -> dict[str, StageCosts]:
    """Read the costs of a run folder, by stage; `RunFolderError` if it holds none."""
    import pydantic

    path = folder / COSTS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder} holds no costs of a run: no {COSTS}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    stages = found.get("stages") if isinstance(found, dict) else None
    try:
        return pydantic.TypeAdapter(dict[str, StageCosts]).validate_python(stages)
    except pydantic.ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunFolderError(f"{path} does not hold the costs of a run ({place})") from error


def total(stages: Mapping[str, StageCosts]) -> Cost:
    """Return all costs added up; the seconds are those that passed."""
    whole = Cost()
    for cost in (cost for stage in stages.values() for cost in stage.work.values()):
        for field in fields(Cost):
            added = getattr(whole, field.name) + getattr(cost, field.name)
            setattr(whole, field.name, added)
    whole.seconds = sum(stage.seconds for stage in stages.values())
    return whole

"""What `mods what-if` tells: the outcome with other settings beside that of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import SettingsError
from mods.runs.conversations import origins, read_briefly
from mods.runs.folder import CONVERSATIONS
from mods.runs.repick import picker_of
from mods.runs.report.gather import lengths_of
from mods.runs.saved import SavedRun, telling
from mods.runs.whatif import Asked, Facts, Outcome, what_if
from mods.settings.threshold import Threshold

if TYPE_CHECKING:
    from mods.plugins.registry import Registry
    from mods.runs.whatif import Rows


def wish(own: Asked, wanted: Mapping[str, Any]) -> Asked:
    """Return the settings of a run with some of them moved; raises `SettingsError`."""
    moved: dict[str, Any] = {k: v for k, v in wanted.items() if v is not None}
    for name, side in (("alpha", "top"), ("beta", "bottom")):
        if name in moved:
            moved[name] = Threshold.parse(moved[name], setting=name, side=side)  # type: ignore[arg-type]
    asked = replace(own, **moved)
    if asked.seeds < 1:
        raise SettingsError(f"`seeds` {asked.seeds}: at least one seed is needed")
    if asked.budget < asked.seeds:
        raise SettingsError(f"`budget` {asked.budget} is below `seeds` {asked.seeds}")
    return asked


def outcome_of(
    folder: Path, wanted: Mapping[str, Any], registry: Registry, *, estimate: bool = False
) -> dict[str, Any]:
    """Say what the run in `folder` would have selected with other settings, as plain JSON values.

    `wanted` may hold `alpha`, `beta`, `seeds`, `budget`. `estimate` picks nothing again, and gives
    the numbers of a page without vectors. Raises `RunFolderError` for a folder without a finished
    run, `SettingsError` for settings that make no sense.
    """
    saved = SavedRun.load(folder)
    with telling(folder):
        return outcome(saved, folder, wanted, registry, estimate=estimate)


def outcome(
    saved: SavedRun,
    folder: Path,
    wanted: Mapping[str, Any],
    registry: Registry,
    *,
    estimate: bool,
) -> dict[str, Any]:
    """Say it of a run that was loaded."""
    facts = Facts.of(saved)
    asked = wish(facts.own, wanted)
    found = what_if(facts, asked)
    why = ""
    if not estimate and not found.exact and not found.problem:
        pick, why = picker_of(saved, folder, registry)
        found = what_if(facts, asked, pick)
    own = np.concatenate([facts.seeds, facts.picked])
    known = read_briefly(folder / CONVERSATIONS)
    of = {id: brief.characters for id, brief in known.items()}
    characters = [of.get(id, -1) for id in saved.receipts["id"].to_pylist()]
    lengths = lengths_of(saved, characters)

    def told(outcome: Outcome, selected: Rows) -> dict[str, Any]:
        return {
            "pass alpha": outcome.pool,
            "seeds": len(outcome.seeds),
            "reviewed": outcome.reviewed,
            "necessary": outcome.necessary,
            "selected": len(selected),
            **{n: int(np.maximum(v[selected], 0).sum()) for n, v in lengths.items()},
        }

    return {
        "asked": {**vars(asked), "alpha": str(asked.alpha), "beta": str(asked.beta)},
        "exact": found.exact,
        "doubts": [*found.doubts, *([why] if why else [])],
        "problem": found.problem,
        "thresholds": {"alpha": number(found.alpha_cut), "beta": number(found.beta_cut)},
        "unknown": found.unknown,
        "rows": told(found, found.selected),
        "in this run": told(what_if(facts, facts.own), own),
        "sources": by_source(origins(saved.receipts, known), found.selected),
        "enter": named(saved, np.setdiff1d(found.selected, own)),
        "leave": named(saved, np.setdiff1d(own, found.selected)),
    }


def number(value: float) -> float | None:
    """Return a number as JSON has it."""
    return None if np.isnan(value) else value


def by_source(sources: Sequence[str], rows: Rows) -> dict[str, int]:
    """Count rows by where they come from, in the order of first appearance."""
    counts = dict.fromkeys(sources, 0)
    for row in rows.tolist():
        counts[sources[row]] += 1
    return counts


def named(saved: SavedRun, rows: Rows) -> list[dict[str, Any]]:
    """Name rows by source and number."""
    chosen: list[dict[str, Any]] = saved.receipts.select(["source", "row"]).take(rows).to_pylist()
    return chosen

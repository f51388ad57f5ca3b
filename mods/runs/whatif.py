"""What a run would have selected with another alpha, beta, seeds or budget; no model is asked.

Everything follows from what the run folder holds: the scores, the order of picks, the distances,
and, where a picker is given, the vectors. What the folder cannot know is estimated and said so.
`report/page/whatif.js` does the same in the page; `tests/mods/runs/report/test_page.py` holds the
two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mods.errors import SettingsError
from mods.selection.stage import score_name
from mods.settings.amount import Amount
from mods.settings.threshold import Threshold

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.runs.saved import SavedRun

    Rows: TypeAlias = npt.NDArray[np.int64]
    Picker: TypeAlias = Callable[[Rows, int, Rows], Rows]
    """(rows of the pool, how many to pick, fixed centres) -> picked rows, in order of pick."""


@dataclass(frozen=True)
class Asked:
    """The settings that can be moved."""

    alpha: Threshold
    beta: Threshold
    seeds: int
    budget: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Asked:
        """Read them from the settings of a manifest; `SettingsError` where they are in tokens."""
        if not in_rows(settings):
            raise SettingsError(
                f"what-if counts rows, and this run was asked for tokens (`seeds` "
                f"{settings['seeds']}, `budget` {settings['budget']})"
            )
        return cls(
            Threshold.parse(settings["alpha"], setting="alpha", side="top"),
            Threshold.parse(settings["beta"], setting="beta", side="bottom"),
            int(settings["seeds"]),
            int(settings["budget"]),
        )


def in_rows(settings: Mapping[str, Any]) -> bool:
    """Whether seeds and budget are numbers of rows."""
    return not any(Amount.parse(settings[n], setting=n).in_tokens for n in ("seeds", "budget"))


def twins(saved: SavedRun) -> npt.NDArray[np.bool_]:
    """Say which input rows share their place on the map with another: they may coincide."""
    twin = np.zeros(len(saved.receipts), bool)
    twin[saved.places()] = coinciding(floats(saved.pool["x"]), floats(saved.pool["y"]))
    return twin


@dataclass(frozen=True)
class Facts:
    """What a run folder knows of its n input rows; rows are named by their place, from 0."""

    own: Asked
    """What the run was asked for."""
    in_order: bool
    """Whether the selector's fewer picks are the first of more; see `mods.interfaces.Selector`."""
    quality: npt.NDArray[np.float64]
    """Shape (n,), NaN where there is no score; `necessity` likewise."""
    necessity: npt.NDArray[np.float64]
    pool: npt.NDArray[np.bool_]
    """Which rows passed alpha and could be worked on."""
    distance: npt.NDArray[np.float32]
    """To the nearest other selected row, NaN where there is none."""
    twin: npt.NDArray[np.bool_]
    """Which rows of the pool share their place on the map with another: they may coincide."""
    seeds: Rows
    """In order of pick; `picked`, the necessary ones, likewise."""
    picked: Rows

    @classmethod
    def of(cls, saved: SavedRun) -> Facts:
        """Gather them from a saved run."""
        receipts, settings = saved.receipts, saved.manifest["makes"]["settings"]
        at = saved.places()
        pool, distance = np.zeros(len(receipts), bool), np.full(len(receipts), np.nan, np.float32)
        pool[at] = True
        distance[at] = floats(saved.pool["distance"])
        return cls(
            Asked.of(settings),
            saved.manifest.get("in_order") is True,
            scores(saved, "quality"),
            scores(saved, "necessity"),
            pool,
            distance,
            twins(saved),
            in_order_of_pick(receipts, "seed"),
            in_order_of_pick(receipts, "necessary"),
        )


@dataclass(frozen=True)
class Outcome:
    """What would come out."""

    asked: Asked
    problem: str = ""
    """Why there would be no selection at all; the rest is then empty."""
    doubts: list[str] = field(default_factory=list)
    """Why the selected rows are an estimate; empty where they are exact."""
    alpha_cut: float = float("nan")
    beta_cut: float = float("nan")
    pool: int = 0
    """Rows that pass alpha and can be worked on: always exact."""
    reviewed: int = 0
    necessary: int = 0
    unknown: int = 0
    """Rows of which nobody knows whether they are necessary."""
    seeds: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    picked: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    """Necessary rows, in order of pick."""

    @property
    def exact(self) -> bool:
        """Whether a run with these settings selects exactly these rows."""
        return not self.doubts and not self.problem

    @property
    def selected(self) -> Rows:
        """All selected rows."""
        return np.concatenate([self.seeds, self.picked])


NOT_EMBEDDED = "rows that pass now were never embedded"
PICKED_ANEW = "seeds would be picked anew"
TUNED_ANEW = "the model would be tuned on other seeds, and review every row anew"
NOT_REVIEWED = "rows were never reviewed"
NO_MODEL = "the run tuned no model: which rows are necessary is not known"
OTHERS_NECESSARY = "the picks among other necessary rows follow from vectors"


def what_if(facts: Facts, asked: Asked, pick: Picker | None = None) -> Outcome:
    """Say what a run with other settings would select.

    With `pick`, which picks again as the run's selector does, the picks are exact wherever all
    rows are embedded and the tuned model stays the same; without it only those that follow from
    the order of the run's picks.
    """
    scored = np.flatnonzero(~np.isnan(facts.quality))
    passing, alpha_cut = asked.alpha.passing(facts.quality[scored])
    barred = scored[facts.own.alpha.passing(facts.quality[scored])[0]]
    barred = barred[~facts.pool[barred]]
    pool = np.setdiff1d(scored[passing], barred)
    if len(pool) < asked.seeds:
        problem = f"{asked.seeds} seeds, but only {len(pool)} rows pass alpha"
        return Outcome(asked, problem, alpha_cut=alpha_cut, pool=len(pool))
    doubts: list[str] = []
    if not facts.pool[pool].all():
        doubts.append(NOT_EMBEDDED)
        pick = None
    seeds = seeds_of(facts, asked, pool, pick, doubts)
    found: dict[str, Any] = {
        "alpha_cut": alpha_cut,
        "pool": len(pool),
        "seeds": seeds,
        "doubts": doubts,
    }
    if asked.budget <= asked.seeds or len(seeds) < asked.seeds:
        return Outcome(asked, **found)
    if facts.own.budget <= facts.own.seeds:
        doubts.append(NO_MODEL)
    elif not np.array_equal(seeds, facts.seeds):
        doubts.append(TUNED_ANEW)
    reviewed, unknown = reviewed_of(facts, pool, seeds)
    if unknown and NO_MODEL not in doubts:
        doubts.append(NOT_REVIEWED)
    passing, beta_cut = asked.beta.passing(facts.necessity[reviewed])
    necessary = reviewed[passing]
    picked = picks_of(facts, asked, seeds, necessary, pick, doubts)
    return Outcome(
        asked, **found, beta_cut=beta_cut, reviewed=len(reviewed), necessary=len(necessary),
        unknown=unknown, picked=picked,
    )  # fmt: skip


def seeds_of(
    facts: Facts, asked: Asked, pool: Rows, pick: Picker | None, doubts: list[str]
) -> Rows:
    """Return the seeds: picked again, the first of the run's, or those and the farthest others."""
    if pick is not None:
        return pick(pool, asked.seeds, np.empty(0, np.int64))
    kept = facts.seeds[np.isin(facts.seeds, pool)]
    same = len(pool) == facts.pool.sum() and facts.pool[pool].all()
    short = len(facts.seeds) < facts.own.seeds  # every other row coincided with one of them
    follows = asked.seeds < len(facts.seeds) or short
    if not (same and (asked.seeds == facts.own.seeds or (facts.in_order and follows))):
        doubts.append(PICKED_ANEW)
    if len(kept) >= asked.seeds or (same and short):
        return kept[: asked.seeds]
    others = farthest(facts, np.setdiff1d(pool, kept))
    return np.concatenate([kept, others[: asked.seeds - len(kept)]])


def reviewed_of(facts: Facts, pool: Rows, seeds: Rows) -> tuple[Rows, int]:
    """Return the rows with a necessity score that are no seeds, and how many lack one.

    Rows that the run itself could not review lack none: they would be set aside again.
    """
    others = np.setdiff1d(pool, seeds)
    has = ~np.isnan(facts.necessity[others])
    mute = facts.pool[others] & ~np.isin(others, facts.seeds) & ~has
    return others[has], int((~has & ~mute).sum())


def picks_of(
    facts: Facts,
    asked: Asked,
    seeds: Rows,
    necessary: Rows,
    pick: Picker | None,
    doubts: list[str],
) -> Rows:
    """Return the picked ones of the necessary rows, up to the budget."""
    wanted = min(asked.budget - len(seeds), len(necessary))
    if pick is not None:
        both = np.sort(np.concatenate([seeds, necessary]))
        return pick(both, wanted, seeds) if wanted else np.empty(0, np.int64)
    if not doubts and not picks_follow(facts, asked, seeds, necessary):
        doubts.append(OTHERS_NECESSARY)
    kept = facts.picked[np.isin(facts.picked, necessary)]
    others = farthest(facts, np.setdiff1d(necessary, kept))
    return np.concatenate([kept, others])[:wanted]


def picks_follow(facts: Facts, asked: Asked, seeds: Rows, necessary: Rows) -> bool:
    """Whether the picks follow from the order of the run's own."""
    reviewed, _ = reviewed_of(facts, np.flatnonzero(facts.pool), facts.seeds)
    own = reviewed[facts.own.beta.passing(facts.necessity[reviewed])[0]]
    if np.array_equal(necessary, own):
        return asked.budget == facts.own.budget or (
            facts.in_order and asked.budget - len(seeds) <= len(facts.picked)
        )
    everything = asked.budget - len(seeds) >= len(necessary)
    return facts.in_order and everything and not facts.twin[necessary].any()


def farthest(facts: Facts, rows: Rows) -> Rows:
    """Order rows by how far they are from the run's selection, those without a distance last."""
    far = np.where(np.isnan(facts.distance[rows]), -1, facts.distance[rows])
    return rows[np.argsort(-far, kind="stable")]


def scores(saved: SavedRun, kind: str) -> npt.NDArray[np.float64]:
    """Return the scores of the run's scorer of a kind, shape (n,), NaN where there is none."""
    part = saved.manifest["makes"]["settings"].get(kind)
    name = score_name(kind, part["name"]) if part else ""
    if name not in saved.receipts.column_names:
        return np.full(len(saved.receipts), np.nan)
    return floats(saved.receipts[name])


def floats(column: Any) -> npt.NDArray[np.float64]:
    """Return a column of an Arrow table as float64, NaN for null."""
    values: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def coinciding(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which places on the map are held by more than one row."""
    _, inverse, counts = np.unique(
        np.stack([x, y], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return (counts[inverse.ravel()] > 1) & ~np.isnan(x)


def in_order_of_pick(receipts: Any, reason: str) -> Rows:
    """Return the places of selected rows of one kind, in order of pick."""
    import pyarrow.compute as pc

    chosen = pc.and_(pc.equal(receipts["fate"], "selected"), pc.equal(receipts["reason"], reason))
    at = np.flatnonzero(chosen.to_numpy(zero_copy_only=False))
    order = receipts["order"].take(at).to_numpy()
    return at[np.argsort(order, kind="stable")].astype(np.int64)

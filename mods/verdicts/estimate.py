"""What is left of a plan, and how long it may take: told before anything is paid for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mods.errors import RunFolderError
from mods.interfaces import ANSWERS, LOSSES
from mods.runs.costs import load_costs
from mods.verdicts.save import load
from mods.work.store import Store, store_path
from mods.work.weights import FOLDER, took

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mods.verdicts.plan import Plan
    from mods.work.tuned import TunedModel
    from mods.work.work import Work

TUNING = "tuning"


@dataclass
class Left:
    """Work that the cache does not hold yet, and what such work took before."""

    counts: dict[str, int] = field(default_factory=dict)
    """By what is done: models to tune, prompts to answer, references to read."""
    rates: dict[str, float] = field(default_factory=dict)
    """Seconds of one of them, where something tells."""

    @property
    def seconds(self) -> float:
        """How long that may take whose pace is known."""
        return sum(n * self.rates[what] for what, n in self.counts.items() if what in self.rates)

    @property
    def unknown(self) -> list[str]:
        """The work whose pace is not known."""
        return [what for what, n in self.counts.items() if n and what not in self.rates]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"counts": self.counts, "seconds": self.seconds, "unknown": self.unknown}


def left_of(plan: Plan, work: Work, run: Path, verdict: Path) -> Left:
    """Look up what the cache holds of a plan, and the pace of the rest.

    The pace is that of tunings of this plan that are done; else what an earlier verdict in its
    folder took, and the run itself: on this machine, if they were made here.
    """
    asked = {
        need: sorted({at for m in plan.measures if need in m.needs for at in m.places})
        for need in (ANSWERS, LOSSES)
    }
    prompts = [prompt for one in plan.sets for prompt in one.prompts]
    left = Left(dict.fromkeys((TUNING, ANSWERS, LOSSES), 0))
    times = []
    for model in plan.every_model(work):
        if model.identity is not None:
            done = finished(model.identity, work)
            left.counts[TUNING] += done is None
            times += [] if done is None else [done]
        for need, places in asked.items():
            left.counts[need] += unknown(model, need, [prompts[at] for at in places], work)
    left.rates = rates_of(plan, run, verdict)
    if times:
        left.rates[TUNING] = sum(times) / len(times)
    return left


def finished(identity: Mapping[str, Any], work: Work) -> float | None:
    """Return the seconds of a tuning that is done; None for one that is not."""
    known = store_path(work.cache, FOLDER, identity).exists()
    found = took(identity, work) if known else None
    return None if found is None else found.seconds


def unknown(model: TunedModel, need: str, prompts: Sequence[Any], work: Work) -> int:
    """Return how many prompts a model has not answered, or losses it has not given."""
    job, _, items = model.asking(need, prompts)
    keys = {item.key for item in items}
    if not keys or not store_path(work.cache, job.name, job.identity).exists():
        return len(keys)
    with closing(Store(work.cache, job.name, job.identity)) as store:
        return len(keys - set(store.get(list(keys))))


def rates_of(plan: Plan, run: Path, verdict: Path) -> dict[str, float]:
    """Return seconds a tuning, an answer and a loss, as far as earlier work tells."""
    rates = {}
    try:
        costs = load_costs(run)["necessity"].work
    except (RunFolderError, KeyError):
        costs = {}
    for need, cost in costs.items():
        if cost.computed and need in (ANSWERS, LOSSES):
            rates[need] = cost.seconds / cost.computed
        elif cost.computed and need == TUNING:
            # The run tuned on its seeds as often as each row of the selection is learned.
            rows = next(len(d.rows) for d in plan.arms[0].draws if d is not None)
            rates[need] = cost.seconds / cost.computed * rows
    try:
        before = load(verdict)["costs"]
    except (RunFolderError, KeyError):
        return rates
    for need in (ANSWERS, LOSSES):
        earlier = before.get(f"verdict: {need}", {})
        if earlier.get("computed"):
            rates[need] = earlier["seconds"] / earlier["computed"]
    return rates

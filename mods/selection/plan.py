"""What a run would do: the rows that each stage would work on, at most, without doing any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mods.interfaces import ANSWERS, EMBEDDINGS, QUALITY, TOKENS, USUAL_NEEDS
from mods.selection.necessity import needs_of
from mods.selection.stage import takes_weights

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.settings.run import RunSettings
    from mods.settings.threshold import Threshold


@dataclass(frozen=True)
class Step:
    """One kind of work."""

    stage: str
    work: str
    part: str
    """The plug-in that does it."""
    rows: int
    """How many rows it would work on at most; what the cache holds is not done again."""


def plan(
    records: int, settings: RunSettings, parts: Mapping[str, Part], prompts: int = 0
) -> list[Step]:
    """Return the work of a run on so many records, in order, held against so many prompts."""
    passing = most_passing(records, settings.alpha)
    steps = []
    if prompts:
        steps.append(Step("contamination", "compare", f"words of {prompts:,} prompts", records))
        if settings.near is not None:
            steps.append(Step("contamination", "embed", parts["embedder"].name, records + prompts))
    steps.append(Step("quality", "score", parts["quality"].name, records))
    for need in parts["selector"].needs(USUAL_NEEDS):
        if need == EMBEDDINGS:
            steps.append(Step("coverage", "embed", parts["embedder"].name, passing))
        elif need not in (QUALITY, TOKENS):
            steps.append(Step("coverage", "score", need, passing))
    if settings.in_tokens or TOKENS in parts["selector"].needs(USUAL_NEEDS):
        steps.append(Step("coverage", "count tokens", parts["trainer"].name, passing))
    seeds = passing if settings.seeds.in_tokens else min(settings.seeds.value, passing)
    steps.append(Step("coverage", "select", parts["selector"].name, passing))
    if not settings.tunes:
        return steps
    others = passing - (1 if settings.seeds.in_tokens else seeds)
    if takes_weights(parts["generator"]):
        steps.append(Step("necessity", "tune", parts["trainer"].name, seeds))
    for need in needs_of(parts["necessity"], parts["generator"]):
        work = "answer" if need == ANSWERS else "losses"
        steps.append(Step("necessity", work, parts["generator"].name, others))
    steps.append(Step("necessity", "review", parts["necessity"].name, others))
    steps.append(Step("necessity", "select", parts["selector"].name, passing))
    return steps


def most_passing(records: int, alpha: Threshold) -> int:
    """Return how many records can pass alpha at most."""
    if alpha.unit == "score":
        return records
    share = alpha.value / 100 * records if alpha.unit == "percent" else alpha.value
    return min(records, max(1, int(share + 0.5)))

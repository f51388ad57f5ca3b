"""Samples of work: a few rows of all lengths, timed group by group, through the run's own cache."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mods.selection.estimate import Sample

if TYPE_CHECKING:
    from mods.work.columns import Column
    from mods.work.costs import Cost
    from mods.work.work import Item, Job, Work

GROUP = 32
"""Rows of similar length that are measured at once: about a batch, so that they are padded as in
the run, where rows of similar length share a batch, too."""
FEWEST = 3
"""Groups at least: short rows, middling ones, long ones."""
FIRST = 4
"""Rows of the first call, which loads models and warms up; it counts as what does not grow."""


@dataclass(frozen=True)
class Measured:
    """Some rows of a step, and what came of those that the cache holds now."""

    sample: Sample
    left: int
    """Rows that the cache does not hold now."""
    known: dict[str, Any]
    """Results by the key of the row."""


def measure(
    work: Work,
    wanted: int,
    job: Job,
    column: Column[Any],
    rows: Sequence[Item],
    expected: int | None = None,
) -> Measured:
    """Measure some of the rows that the cache does not hold, group by group.

    `expected` is how many rows the run will work on where `rows` are a sample of them.
    """
    work.progress.say(f"probe: {job.label}")
    missing = work.missing(job, rows)
    if job.fit is not None:  # fitted on these rows, and cached for them alone
        groups: list[list[Item]] = [missing] if missing else []
        first: list[Item] = []
    else:
        groups = spread(missing, wanted)
        first, groups = warm_up(groups)
    constant, a_row, tokens, done = 0.0, [], 0, 0
    warm = cost_of(work, job, column, first)
    for group in groups:
        cost = cost_of(work, job, column, group)
        constant += cost.loading
        a_row.append((cost.seconds - cost.loading) / len(group))
        tokens, done = tokens + cost.tokens, done + len(group)
    if first:
        alike = a_row[len(a_row) // 2] * len(first)  # the rest of the same group
        constant += warm.loading + max(0.0, warm.seconds - warm.loading - alike)
    measured = {row.key for group in (first, *groups) for row in group}
    unknown = {row.key for row in missing} - measured
    at_hand = [row for row in rows if row.key not in unknown]
    start = time.monotonic()
    values = work.rows(job, column, at_hand).values
    lookup = (time.monotonic() - start) / max(1, len(at_hand))
    known = dict(zip((row.key for row in at_hand), values, strict=True))
    left = len(unknown) if expected is None else max(0, expected - len(known))
    sample = Sample(done, a_row, tokens / max(1, done), constant, lookup)
    return Measured(sample, left, known)


def cost_of(work: Work, job: Job, column: Column[Any], rows: Sequence[Item]) -> Cost:
    """Return what it costs to work on rows."""
    before = work.costs.now(job.label)
    if rows:
        work.rows(job, column, rows)
    return work.costs.of(job.label).since(before)


def spread(rows: Sequence[Item], wanted: int) -> list[list[Item]]:
    """Return groups of rows of similar size, so many rows together, spread over all sizes.

    The rows are cut into equal shares by size; each gives the rows of its middle.
    """
    order = sorted(rows, key=lambda row: (row.size, row.key))
    wanted = min(wanted, len(order))
    number = min(wanted, max(FEWEST, math.ceil(wanted / GROUP)))
    groups = []
    for at in range(number):
        share = order[at * len(order) // number : (at + 1) * len(order) // number]
        size = (at + 1) * wanted // number - at * wanted // number
        start = max(0, (len(share) - size) // 2)
        groups.append(share[start : start + size])
    return groups


def warm_up(groups: list[list[Item]]) -> tuple[list[Item], list[list[Item]]]:
    """Split a few rows off the middle group, for the first call."""
    middle = len(groups) // 2
    if not groups or len(groups[middle]) <= FIRST:
        return [], groups
    first, rest = groups[middle][:FIRST], groups[middle][FIRST:]
    return first, [*groups[:middle], rest, *groups[middle + 1 :]]

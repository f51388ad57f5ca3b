"""The whole method: quality, coverage, necessity, selection (MoDS, arXiv 2311.15653)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mods.errors import SettingsError
from mods.selection.contamination import leave_out
from mods.selection.coverage import exhausted, fill_pool, pick_seeds
from mods.selection.necessity import (
    find_necessary,
    left_of_budget,
    needs_of,
    pick_necessary,
    why_not,
)
from mods.selection.quality import pass_quality
from mods.selection.receipts import Receipts
from mods.selection.result import Selection
from mods.selection.stage import Given

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.data.reading import Reading
    from mods.plugins.part import Part
    from mods.pool import Picks, Pool
    from mods.records import Record
    from mods.settings.run import RunSettings
    from mods.work.work import Work


def select_rows(
    reading: Reading,
    settings: RunSettings,
    parts: Mapping[str, Part],
    work: Work,
    prompts: Sequence[Prompt] = (),
) -> Selection:
    """Run the stages on what was read; every input row ends with a receipt.

    Rows that repeat one of the `prompts` leave before any stage.

    Raises `SettingsError` where the settings leave too few rows, `PluginError` where a plug-in
    breaks a rule.
    """
    given = Given(settings, parts, work, Receipts(reading))
    if settings.tunes:
        needs_of(parts["necessity"], parts["generator"])  # before any stage is paid for
    records: Sequence[Record] = reading.records
    if prompts:
        with given.timed("contamination"):
            records = leave_out(records, prompts, given)
    with given.timed("quality"):
        pool = pass_quality(records, given)
        check_seeds(pool, len(records), settings)
    with given.timed("coverage"):
        pool = fill_pool(pool, given)
        check_seeds(pool, len(records), settings)  # a further scorer may set rows aside
        picks = pick_seeds(pool, given)
        seeds = picks.indices.tolist()
        left_of_budget(pool, seeds, given)  # seeds that exceed it are told before a model is tuned
    with given.timed("necessity"):
        added = necessity(pool, picks, given)
    chosen = [pool.records[i] for i in [*seeds, *added]]
    receipts = given.receipts
    receipts.check(0)
    return Selection(
        chosen,
        receipts.all,
        receipts.quarantined,
        pool,
        given.thresholds,
        given.seconds,
        given.answers,
        costs=work.costs,
    )


def check_seeds(pool: Pool, read: int, settings: RunSettings) -> None:
    """Refuse to pick more seeds than there are rows."""
    least = 1 if settings.seeds.in_tokens else settings.seeds.value
    if len(pool.records) < least:
        raise SettingsError(
            f"`seeds` {settings.seeds}, but only {len(pool.records)} of {read} rows pass alpha "
            f"({settings.alpha}): lower `seeds` or `alpha`"
        )


def necessity(pool: Pool, picks: Picks, given: Given) -> list[int]:
    """Find the necessary rows and pick among them up to the budget."""
    seeds: list[int] = picks.indices.tolist()
    # Fewer seeds than asked for: every other row coincides with one, no model will change that.
    ended = exhausted(picks, given.settings.seeds, len(pool.records))
    if given.settings.tunes and not ended and left_of_budget(pool, seeds, given):
        return pick_necessary(pool, seeds, find_necessary(pool, seeds, given), given)
    for i in sorted(set(range(len(pool.records))) - set(seeds)):
        seeded = f"not among the {len(seeds)} seeds"
        reason = why_not(i, pool, picks) if i in picks.passed else seeded
        given.receipts.reject(pool.records[i], "coverage", reason)
    return []

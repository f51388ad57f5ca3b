"""The whole method: quality, coverage, necessity, selection (MoDS, arXiv 2311.15653)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mods.errors import SettingsError
from mods.selection.contamination import leave_out
from mods.selection.coverage import fill_pool, pick_seeds
from mods.selection.necessity import find_necessary, needs_of, pick_necessary
from mods.selection.quality import pass_quality
from mods.selection.receipts import Receipts
from mods.selection.result import Selection
from mods.selection.stage import Given

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.data.reading import Reading
    from mods.interfaces import Pool
    from mods.plugins.part import Part
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
        seeds = pick_seeds(pool, given)
    with given.timed("necessity"):
        added = necessity(pool, seeds, given)
    chosen = [pool.records[i] for i in [*seeds, *added]]
    receipts = given.receipts
    receipts.check(0)
    return Selection(
        chosen, receipts.all, receipts.quarantined, pool, given.thresholds, given.seconds
    )


def check_seeds(pool: Pool, read: int, settings: RunSettings) -> None:
    """Refuse to pick more seeds than there are rows."""
    if len(pool.records) < settings.seeds:
        raise SettingsError(
            f"`seeds` {settings.seeds}, but only {len(pool.records)} of {read} rows pass alpha "
            f"({settings.alpha}): lower `seeds` or `alpha`"
        )


def necessity(pool: Pool, seeds: list[int], given: Given) -> list[int]:
    """Find the necessary rows and pick among them up to the budget."""
    # Fewer seeds than asked for: every other row coincides with one, no model will change that.
    if given.settings.tunes and len(seeds) == given.settings.seeds:
        return pick_necessary(pool, seeds, find_necessary(pool, seeds, given), given)
    for i in sorted(set(range(len(pool.records))) - set(seeds)):
        reason = f"not among the {len(seeds)} seeds"
        given.receipts.reject(pool.records[i], "coverage", reason)
    return []

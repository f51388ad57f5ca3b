"""`mods.score`: a score for every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mods.api.inputs import (
    Data,
    How,
    cache_folder,
    read_data,
    registry_with,
)
from mods.data.reading import Reading
from mods.files import check_output, make_folder, write_table
from mods.interfaces import Unscorable
from mods.plugins.part import Part
from mods.plugins.registry import Registry
from mods.progress import Progress
from mods.runs.tables import score_table
from mods.selection.quality import score_records
from mods.selection.stage import unseen_media
from mods.settings.choice import Choice
from mods.work.work import Work

if TYPE_CHECKING:
    import pyarrow as pa


def score(
    data: Data,
    *,
    quality: str | Choice,
    output: str | Path | None = None,
    seed: int = 0,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    executor: str | Choice = "local",
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    quiet: bool = False,
) -> pa.Table:
    """Score every row with a quality scorer; higher is better.

    Parameters
    ----------
    data, cache, plugins, strict, quiet
        As in `select`.
    schema, columns, encoding
        As the settings of the same names, see `mods.settings.run.RunSettings`.
    quality
        The scorer: `NAME` or `NAME:key=value,…`.
    output
        Parquet file to write as well.
    seed
        Seed of scorers that have one.
    executor
        Where the work is done: `NAME` or `NAME:key=value,…`.

    Returns
    -------
    pyarrow.Table
        One row per input row, in input order: `id`, `source`, `row`, `score` (float64) and
        `reason`. A row that cannot be read or scored has no score but a reason; a duplicate has
        the score of the row it repeats.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    return score_rows(
        data,
        Choice.read(quality, "quality"),
        registry_with(plugins),
        output=Path(output) if output else None,
        seed=seed,
        executor=Choice.read(executor, "executor"),
        how=How(schema, columns or {}, encoding, strict=strict),
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
    )


def score_rows(
    data: Data,
    quality: Choice,
    registry: Registry,
    *,
    output: Path | None,
    seed: int,
    executor: Choice,
    how: How,
    cache: Path | None,
    progress: Progress,
) -> pa.Table:
    """Read the data, score it, write the table; what `score` and `mods score` share."""
    part = Part.choose(registry, "quality", quality, {"seed": seed})
    place = Part.choose(registry, "executor", executor, {})
    part.check()
    place.check()
    if output is not None:
        check_output("output", output, data if isinstance(data, (list, tuple)) else [data])
        make_folder(output.parent)
    reading = read_data(data, registry, how, progress)
    if output is not None:
        check_output("output", output, reading.sources)  # the files of folders, too
    with progress.listening():
        work = Work(cache_folder(cache), progress, place)
        table = score_table(reading, scores_of(reading, part, work))
    if output is not None:
        write_table(output, table)
    return table


def scores_of(reading: Reading, part: Part, work: Work) -> list[float | Unscorable]:
    """Score all records but those with media that the scorer does not see."""
    records = list(reading.records)
    unseen = [unseen_media(part, record) for record in records]
    results = score_records(
        [r for r, why in zip(records, unseen, strict=True) if not why], part, work
    )
    if results.cut:
        rows = f"{len(results.cut):,} of {len(records):,} rows"
        work.progress.note(f"{rows} are longer than {part.name} reads and were cut")
    scores = iter(results.values)
    return [Unscorable(why) if why else next(scores) for why in unseen]

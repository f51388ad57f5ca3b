"""mods from Python: `select`, `score` and `read`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mods.data.prompts import Prompt, read_prompts
from mods.data.reading import Reading, read_rows, read_sources
from mods.errors import SettingsError
from mods.files import check_output, make_folder, write_table
from mods.interfaces import Unscorable
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.plugins.part import Part
from mods.plugins.registry import Registry
from mods.progress import Progress
from mods.runs.folder import RunFolder
from mods.runs.manifest import compose, what_makes
from mods.runs.save import save
from mods.runs.tables import score_table
from mods.selection.pipeline import select_rows
from mods.selection.plan import Step, plan
from mods.selection.quality import score_records
from mods.selection.result import Selection
from mods.selection.stage import choose_parts, unseen_media
from mods.settings.choice import Choice
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe
from mods.work.store import default_cache
from mods.work.work import Work

if TYPE_CHECKING:
    import pyarrow as pa

    from mods.settings.run import RunSettings

Data: TypeAlias = str | Path | Sequence[str | Path] | Iterable[Mapping[str, Any]]
"""Files, folders or hub ids; or rows."""


def select(
    data: Data,
    *,
    output: str | Path | None = None,
    recipe: str = "default",
    overrides: Sequence[str] = (),
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Selection:
    """Select the rows that a model needs: the whole pipeline.

    Parameters
    ----------
    data
        Files, folders or hub ids as on the command line, or rows: a list of dicts or a
        `datasets.Dataset`.
    output
        Run folder to write; without one nothing but the cache is written.
    recipe
        `paper`, `default`, `offline`, or a TOML file.
    overrides
        `stage.option=value` texts, as `--set`.
    cache
        Folder of cached scores, vectors and answers; default `$MODS_CACHE` or `~/.cache/mods`.
    plugins
        Plug-in files to load besides the installed ones.
    strict
        Stop at the first broken row instead of setting it aside.
    overwrite
        Replace another run in `output`.
    quiet
        No progress on standard error.
    settings
        Plug-ins by kind (`quality="coherence"`) and any field of `mods.settings.run.RunSettings`,
        e.g. `alpha="top 30%"`, `seeds=500`, `model="path/to/model"`, `tuning={"epochs": 2}`.

    Returns
    -------
    Selection
        `records` in order of pick, `rows` as they were read, one receipt per input row.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    if isinstance(overrides, str):
        overrides = [overrides]
    layers = [(f"recipe {recipe}", load_recipe(recipe)), ("select()", settings)]
    return run(
        data,
        make_settings(*layers, overrides=overrides),
        registry_with(plugins),
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
        output=Path(output) if output else None,
        strict=strict,
        overwrite=overwrite,
    )


def score(
    data: Data,
    *,
    quality: str | Choice,
    output: str | Path | None = None,
    seed: int = 0,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
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
        how=How(schema, columns or {}, encoding, strict=strict),
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
    )


def read(
    data: Data,
    *,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    quiet: bool = False,
) -> Reading:
    """Read data the way every command does, and do nothing else.

    Parameters
    ----------
    data, plugins, strict, quiet
        As in `select`.
    schema, columns, encoding
        As the settings of the same names, see `mods.settings.run.RunSettings`.

    Returns
    -------
    Reading
        `records` (made when asked for), `duplicates`, `broken` rows with their reasons, and
        `views`: by source, which columns served which part and which were not used; `notes`: files
        of folders that were left out.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    how = How(schema, columns or {}, encoding, strict=strict)
    return read_data(data, registry_with(plugins), how, Progress(quiet=quiet))


def registry_with(plugins: Sequence[str | Path]) -> Registry:
    """Load the installed plug-ins and some files."""
    files = [plugins] if isinstance(plugins, (str, Path)) else plugins
    return load_plugins(Sources(files=tuple(Path(file).absolute() for file in files)))


def run(
    data: Data,
    settings: RunSettings,
    registry: Registry,
    *,
    cache: Path | None,
    progress: Progress,
    output: Path | None,
    strict: bool,
    overwrite: bool,
) -> Selection:
    """Read the data, run the stages, write the run folder; what `select` and `mods run` share.

    A folder that holds another run raises `RunFolderError`; the same call goes on where it was
    interrupted, because everything costly lies in the cache.
    """
    how = How(settings.schema, settings.columns, settings.encoding, settings.max_row_mb, strict)
    prompts = prompts_of(settings.against, registry, how)
    reading = read_data(data, registry, how, progress)
    with progress.listening():
        parts = choose_parts(registry, settings)
        work = Work(cache_folder(cache), progress, parts["executor"])
        makes = what_makes(reading, settings, parts, prompts)

        def make() -> Selection:
            found = select_rows(reading, settings, parts, work, prompts)
            return replace(found, manifest=compose(makes, reading, found, work), folder=folder)

        folder = output.expanduser() if output else None
        if folder is None:
            return make()
        asked_in = dict.fromkeys(prompt.source for prompt in prompts)
        RunFolder(folder).keep_inputs([*reading.sources, *asked_in])
        with RunFolder(folder).claimed(makes, overwrite=overwrite) as has_locks:
            if not has_locks:
                progress.note(
                    f"{folder}: no locks on this file system; run one run at a time there"
                )
            selection = make()
            for problem in save(selection, folder):
                progress.note(problem)
    return selection


def dry_run(
    data: Data, settings: RunSettings, registry: Registry, *, progress: Progress, strict: bool
) -> tuple[Reading, list[Step]]:
    """Read the data, make and check every part, and say what a run would do; nothing is done."""
    how = How(settings.schema, settings.columns, settings.encoding, settings.max_row_mb, strict)
    prompts = prompts_of(settings.against, registry, how)
    reading = read_data(data, registry, how, progress)
    with progress.listening():
        parts = choose_parts(registry, settings)
        steps = plan(len(reading.records), settings, parts, len(prompts))
    return reading, steps


def score_rows(
    data: Data,
    quality: Choice,
    registry: Registry,
    *,
    output: Path | None,
    seed: int,
    how: How,
    cache: Path | None,
    progress: Progress,
) -> pa.Table:
    """Read the data, score it, write the table; what `score` and `mods score` share."""
    part = Part.choose(registry, "quality", quality, {"seed": seed})
    executor = Part.choose(registry, "executor", Choice("local"), {})
    part.check()
    if output is not None:
        check_output("output", output, data if isinstance(data, (list, tuple)) else [data])
        make_folder(output.parent)
    reading = read_data(data, registry, how, progress)
    if output is not None:
        check_output("output", output, reading.sources)  # the files of folders, too
    with progress.listening():
        work = Work(cache_folder(cache), progress, executor)
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


def cache_folder(cache: Path | None) -> Path:
    """The folder of cached results: as asked for, else the usual one."""
    return cache.expanduser() if cache else default_cache()


@dataclass(frozen=True)
class How:
    """How data is read; see `mods.settings.run.RunSettings`."""

    schema: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    max_row_mb: int = 64
    strict: bool = False


def read_data(
    data: Data,
    registry: Registry,
    how: How,
    progress: Progress,
) -> Reading:
    """Read files or rows into records, and say how; see `mods.data.reading`."""
    sources = as_sources(data)
    options = {"schema": how.schema, "columns": how.columns, "strict": how.strict}
    if sources is None:
        reading = read_rows(data, **options)  # type: ignore[arg-type]
    else:
        readers = readers_of(registry, how)
        with progress.bar("reading", None) as advance:
            seen = 0

            def show(rows: int) -> None:
                nonlocal seen
                advance(rows - seen)
                seen = rows

            reading = read_sources(sources, readers, on_progress=show, **options)  # type: ignore[arg-type]
    for line in reading.told:
        progress.note(line)
    return reading


def readers_of(registry: Registry, how: How) -> dict[str, Any]:
    """Make every reader, in order."""
    context = {"encoding": how.encoding, "max_row_mb": how.max_row_mb}
    return {
        name: Part.choose(registry, "reader", Choice(name), context).object
        for name in registry.names("reader")
    }


def prompts_of(files: Sequence[str], registry: Registry, how: How) -> list[Prompt]:
    """Read prompts in any schema, references optional; none where no file is named."""
    return read_prompts(files, readers_of(registry, how)) if files else []


def as_sources(data: Data) -> list[str] | None:
    """Return the sources that `data` names, or None where it is rows; refuse other things."""
    if isinstance(data, Mapping) or (hasattr(data, "to_dict") and hasattr(data, "columns")):
        raise SettingsError(
            f"data is a {type(data).__name__}: expected files, or rows; give a list of dicts, one "
            "split of a DatasetDict, or DataFrame.to_dict('records')"
        )
    if isinstance(data, (str, Path)):
        return [str(data)]
    if not isinstance(data, Iterable):
        raise SettingsError(f"data is {data!r}: expected files, or rows")
    if not isinstance(data, Sequence):
        return None
    if not len(data):
        raise SettingsError("no data: expected at least one file, or rows")
    named = all(isinstance(item, (str, Path)) for item in data)
    return [str(item) for item in data] if named else None

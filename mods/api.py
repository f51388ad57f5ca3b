"""mods from Python: `select` and `score`. Reading, selection and run folders put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mods.data.reading import Reading, read_rows, read_sources
from mods.errors import SettingsError
from mods.files import check_output, make_folder, write_table
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
from mods.selection.quality import score_records
from mods.selection.result import Selection
from mods.selection.stage import choose_parts
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
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    quiet: bool = False,
) -> pa.Table:
    """Score every row with a quality scorer; higher is better.

    Parameters
    ----------
    data, schema, columns, cache, plugins, strict, quiet
        As in `select`.
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
        schema=schema,
        columns=columns,
        cache=Path(cache) if cache else None,
        strict=strict,
        progress=Progress(quiet=quiet),
    )


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
    reading = read(
        data,
        registry,
        schema=settings.schema,
        columns=settings.columns,
        strict=strict,
        progress=progress,
    )
    with progress.listening():
        parts = choose_parts(registry, settings)
        work = Work(cache_folder(cache), progress, parts["executor"])
        makes = what_makes(reading, settings, parts)

        def make() -> Selection:
            found = select_rows(reading, settings, parts, work)
            return replace(found, manifest=compose(makes, reading, found, work), folder=folder)

        folder = output.expanduser() if output else None
        if folder is None:
            return make()
        RunFolder(folder).keep_inputs(reading.schemas)
        with RunFolder(folder).claimed(makes, overwrite=overwrite) as has_locks:
            if not has_locks:
                progress.note(
                    f"{folder}: no locks on this file system; run one run at a time there"
                )
            selection = make()
            for problem in save(selection, folder):
                progress.note(problem)
    return selection


def score_rows(
    data: Data,
    quality: Choice,
    registry: Registry,
    *,
    output: Path | None,
    seed: int,
    schema: str | None,
    columns: Mapping[str, str] | None,
    cache: Path | None,
    strict: bool,
    progress: Progress,
) -> pa.Table:
    """Read the data, score it, write the table; what `score` and `mods score` share."""
    part = Part.choose(registry, "quality", quality, {"seed": seed})
    executor = Part.choose(registry, "executor", Choice("local"), {})
    part.identity  # noqa: B018  (fails now if a model is not to be had)
    if output is not None:
        check_output("output", output, data if isinstance(data, (list, tuple)) else [data])
        make_folder(output.parent)
    reading = read(data, registry, schema=schema, columns=columns, strict=strict, progress=progress)
    if output is not None:
        check_output("output", output, reading.schemas)  # the files of folders, too
    with progress.listening():
        work = Work(cache_folder(cache), progress, executor)
        table = score_table(reading, score_records(reading.records, part, work))
    if output is not None:
        write_table(output, table)
    return table


def cache_folder(cache: Path | None) -> Path:
    """The folder of cached results: as asked for, else the usual one."""
    return cache.expanduser() if cache else default_cache()


def read(
    data: Data,
    registry: Registry,
    *,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    strict: bool = False,
    progress: Progress,
) -> Reading:
    """Read files or rows into records; see `mods.data.reading`."""
    if isinstance(data, Mapping) or (hasattr(data, "to_dict") and hasattr(data, "columns")):
        raise SettingsError(
            f"data is a {type(data).__name__}: expected files, or rows; give a list of dicts, one "
            "split of a DatasetDict, or DataFrame.to_dict('records')"
        )
    if isinstance(data, (str, Path)):
        data = [data]
    if not isinstance(data, Iterable):
        raise SettingsError(f"data is {data!r}: expected files, or rows")
    items = data if isinstance(data, Sequence) else None
    if items is not None and not len(items):
        raise SettingsError("no data: expected at least one file, or rows")
    if items is None or not all(isinstance(item, (str, Path)) for item in items):
        return read_rows(data, schema=schema, columns=columns, strict=strict)  # type: ignore[arg-type]
    readers = {
        name: Part.choose(registry, "reader", Choice(name), {}).object
        for name in registry.names("reader")
    }
    with progress.bar("reading", None) as advance:
        seen = 0

        def show(rows: int) -> None:
            nonlocal seen
            advance(rows - seen)
            seen = rows

        return read_sources(
            [str(item) for item in items],
            readers,
            schema=schema,
            columns=columns,
            strict=strict,
            on_progress=show,
        )

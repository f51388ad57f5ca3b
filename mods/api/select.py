"""`mods.select`: the whole pipeline, and what is said before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api.inputs import (
    Data,
    How,
    cache_folder,
    prompts_of,
    read_data,
    read_measured,
    registry_with,
)
from mods.data.reading import Reading
from mods.plugins.registry import Registry
from mods.progress import Progress
from mods.runs.folder import RunFolder
from mods.runs.manifest import compose, what_makes
from mods.runs.save import save
from mods.selection.pipeline import select_rows
from mods.selection.plan import Step, plan
from mods.selection.probe import probe as measure
from mods.selection.result import Selection
from mods.selection.stage import choose_parts
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe
from mods.work.costs import Costs
from mods.work.work import Work

if TYPE_CHECKING:
    from mods.selection.estimate import Forecast
    from mods.settings.run import RunSettings


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
    reading, costs = read_measured(data, registry, how, progress)
    with progress.listening():
        parts = choose_parts(registry, settings)
        work = Work(cache_folder(cache), progress, parts["executor"], costs)
        makes = what_makes(reading, settings, parts, prompts)

        def make() -> Selection:
            found = select_rows(reading, settings, parts, work, prompts)
            manifest = compose(makes, reading, found, work, parts)
            return replace(found, manifest=manifest, folder=folder)

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
            for problem in save(selection, reading.records, folder):
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


def probe(
    data: Data,
    settings: RunSettings,
    registry: Registry,
    *,
    rows: int,
    cache: Path | None,
    progress: Progress,
    strict: bool,
) -> tuple[Reading, Costs, Forecast]:
    """Read the data, measure a sample of every stage, and say what a run will take."""
    how = How(settings.schema, settings.columns, settings.encoding, settings.max_row_mb, strict)
    reading, costs = read_measured(data, registry, how, progress)
    with progress.listening():
        parts = choose_parts(registry, settings)
        calm = Progress(quiet=progress.quiet, notes=False, bars=False)
        work = Work(cache_folder(cache), calm, parts["executor"])
        forecast = measure(list(reading.records), settings, parts, work, rows)
    return reading, costs, forecast

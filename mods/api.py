"""The pipeline from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from mods.config import RunSettings, load_recipe, make_settings
from mods.errors import SettingsError
from mods.pipeline import Selection, run_pipeline
from mods.plugins import Choice, Registry, load_plugins
from mods.progress import Progress
from mods.reading import Reading, read_rows, read_sources
from mods.store import default_cache

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
        Any field of `mods.config.RunSettings`, e.g. `alpha="top 30%"`, `seeds=500`,
        `model="path/to/model"`, `tuning={"epochs": 2}`.

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
    if isinstance(plugins, (str, Path)):
        plugins = [plugins]
    layers = [(f"recipe {recipe}", load_recipe(recipe)), ("select()", settings)]
    return execute(
        data,
        make_settings(*layers, overrides=overrides),
        load_plugins(files=[Path(p) for p in plugins]),
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
        output=Path(output).expanduser() if output else None,
        strict=strict,
        overwrite=overwrite,
    )


def execute(
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
    """Read the data and run the stages; what `select` and `mods run` share."""
    reading = read(
        data,
        registry,
        schema=settings.schema,
        columns=settings.columns,
        strict=strict,
        progress=progress,
    )
    return run_pipeline(
        reading,
        settings,
        registry,
        cache=cache.expanduser() if cache else default_cache(),
        progress=progress,
        output=output,
        overwrite=overwrite,
    )


def read(
    data: Data,
    registry: Registry,
    *,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    strict: bool = False,
    progress: Progress,
) -> Reading:
    """Read files or rows into records; see `mods.reading`."""
    if isinstance(data, Mapping) or (hasattr(data, "to_dict") and hasattr(data, "columns")):
        raise SettingsError(
            f"data is a {type(data).__name__}: expected files, or rows; give a list of dicts, one "
            "split of a DatasetDict, or DataFrame.to_dict('records')"
        )
    if not isinstance(data, Iterable):
        raise SettingsError(f"data is {data!r}: expected files, or rows")
    if isinstance(data, (str, Path)):
        data = [data]
    items = data if isinstance(data, Sequence) else None
    if items is not None and not len(items):
        raise SettingsError("no data: expected at least one file, or rows")
    if items is None or not all(isinstance(item, (str, Path)) for item in items):
        return read_rows(data, schema=schema, columns=columns, strict=strict)  # type: ignore[arg-type]
    readers = {name: registry.create("reader", Choice(name)) for name in registry.names("reader")}
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

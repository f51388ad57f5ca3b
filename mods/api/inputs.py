"""What callers name: data (files or rows), how it is read, plug-in files, a cache folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from mods.data.prompts import Prompt, read_prompts
from mods.data.reading import Reading, read_rows, read_sources
from mods.errors import SettingsError
from mods.files import default_cache
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.plugins.part import Part
from mods.plugins.registry import Registry
from mods.progress import Progress, alone
from mods.runs.costs import READING
from mods.settings.choice import Choice
from mods.work.costs import Costs

Data: TypeAlias = str | Path | Sequence[str | Path] | Iterable[Mapping[str, Any]]
"""Files, folders or hub ids; or rows."""


@dataclass(frozen=True)
class How:
    """How data is read; see `mods.settings.run.RunSettings`."""

    schema: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    max_row_mb: int = 64
    strict: bool = False


def read_data(data: Data, registry: Registry, how: How, progress: Progress) -> Reading:
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
    if not files:
        return []
    with alone():
        return read_prompts(files, readers_of(registry, how))


def read_measured(
    data: Data, registry: Registry, how: How, progress: Progress
) -> tuple[Reading, Costs]:
    """Read as `read_data` does, and return what that cost besides."""
    costs = Costs()
    with costs.timed(READING) as cost:
        reading = read_data(data, registry, how, progress)
    cost.rows = cost.computed = reading.rows
    cost.bytes_read = sum(Path(s).stat().st_size for s in reading.sources if Path(s).is_file())
    return reading, costs


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


def registry_with(plugins: Sequence[str | Path]) -> Registry:
    """Load the installed plug-ins and some files."""
    files = [plugins] if isinstance(plugins, (str, Path)) else plugins
    return load_plugins(Sources(files=tuple(Path(file).absolute() for file in files)))


def cache_folder(cache: Path | None) -> Path:
    """The folder of cached results: as asked for, else the usual one."""
    return cache.expanduser() if cache else default_cache()

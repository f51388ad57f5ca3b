"""The contamination gate from Python: `mods.contamination`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mods.api.inputs import Data, How, cache_folder, prompts_of, read_data, registry_with
from mods.data.prompts import Prompt
from mods.data.reading import Reading
from mods.errors import SettingsError
from mods.overlap.near import NEAR
from mods.overlap.overlaps import Overlap
from mods.plugins.part import Part
from mods.plugins.registry import Registry
from mods.progress import Progress
from mods.selection.contamination import overlaps_of
from mods.settings.choice import Choice
from mods.work.work import Work


def contamination(
    data: Data,
    *,
    against: str | Path | Sequence[str | Path],
    embedder: str | Choice | None = None,
    near: float = NEAR,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    quiet: bool = False,
) -> list[Overlap]:
    """Find the rows that repeat prompts of a test to come.

    How words are compared, and when a row counts: `mods.overlap.overlaps.find_overlaps`.

    Parameters
    ----------
    data, cache, plugins, strict, quiet
        As in `select`.
    against
        Files, folders or hub ids of prompts, in any schema; they need no responses.
    embedder
        `NAME` or `NAME:key=value,…`: finds rows whose embedding is near that of a prompt, too.
    near
        The cosine from which a row is near, above 0, at most 1.
    schema, columns, encoding
        As the settings of the same names, see `mods.settings.run.RunSettings`; of `data` only, but
        the encoding.

    Returns
    -------
    list of Overlap
        In the order of the rows, duplicates included; empty where no row repeats a prompt.

    Raises
    ------
    ModsError
        For everything that the caller can fix, such as a file without prompts.
    """
    files = [against] if isinstance(against, (str, Path)) else against
    found = look(
        data,
        [str(file) for file in files],
        registry_with(plugins),
        embedder=None if embedder is None else Choice.read(embedder, "embedder"),
        near=near,
        how=How(schema, columns or {}, encoding, strict=strict),
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
    )
    return found.overlaps


@dataclass(frozen=True)
class Found:
    """What was read, and what was found."""

    reading: Reading
    prompts: Sequence[Prompt]
    overlaps: list[Overlap]


def look(
    data: Data,
    against: Sequence[str],
    registry: Registry,
    *,
    embedder: Choice | None,
    near: float,
    how: How,
    cache: Path | None,
    progress: Progress,
) -> Found:
    """Read prompts and data, and compare; what `contamination` and its command share."""
    if not 0 < near <= 1:
        raise SettingsError(f"`near` {near}: expected a cosine above 0, at most 1")
    if not against:
        raise SettingsError("`against` names no file: there is nothing to hold the rows against")
    executor = Part.choose(registry, "executor", Choice("local"), {})
    part = None if embedder is None else Part.choose(registry, "embedder", embedder, {"seed": 0})
    if part is not None:
        part.check()
    prompts = prompts_of(against, registry, how)
    reading = read_data(data, registry, how, progress)
    with progress.listening():
        work = Work(cache_folder(cache), progress, executor)
        overlaps = overlaps_of(reading.records, prompts, work, embedder=part, near=near)
    return Found(reading, prompts, with_duplicates(overlaps, reading))


def with_duplicates(overlaps: Sequence[Overlap], reading: Reading) -> list[Overlap]:
    """Add the duplicates of rows that were found; returns all in the order of the rows."""
    by_row: dict[tuple[str, int], list[Overlap]] = {}
    for overlap in overlaps:
        by_row.setdefault((overlap.source, overlap.row), []).append(overlap)
    every = list(overlaps)
    for again in reading.duplicates:
        first = by_row.get(reading.records.head(again.of), [])
        every += (replace(overlap, source=again.source, row=again.row) for overlap in first)
    place = {source: at for at, source in enumerate(reading.sources)}
    return sorted(every, key=lambda overlap: (place[overlap.source], overlap.row))

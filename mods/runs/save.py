"""Writes a run folder: the selection, its tables, its picture, and last of all the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mods.files import holds_bytes, write_file, write_json, write_lines, write_table
from mods.runs.costs import WRITING, by_stage
from mods.runs.folder import (
    COSTS,
    MANIFEST,
    PICTURE,
    POOL,
    QUARANTINE,
    RECEIPTS,
    SELECTED,
)
from mods.runs.picture import draw_picture
from mods.runs.saved import SavedRun
from mods.work.weights import size_of

RESULTS = (SELECTED, RECEIPTS, POOL, QUARANTINE, PICTURE)

if TYPE_CHECKING:
    from mods.selection.result import Selection


def save(selection: Selection, folder: Path) -> list[str]:
    """Write everything a run leaves into its folder; returns what is to be said about it.

    An old manifest goes first and the new one comes last, so that `done` means done.
    """
    with selection.costs.timed(WRITING, len(selection.receipts)) as cost:
        problems = save_results(selection, folder)
    cost.bytes_written += sum(size_of(folder / name) for name in RESULTS)
    write_json(folder / COSTS, by_stage(selection.costs, selection.seconds))
    write_json(folder / MANIFEST, {**selection.manifest, "notices": [
        *selection.manifest["notices"], *problems]})  # fmt: skip
    return problems


def save_results(selection: Selection, folder: Path) -> list[str]:
    """Write the selection, its tables and its picture; returns what is to be said about it."""
    saved = SavedRun.of(selection)
    (folder / MANIFEST).unlink(missing_ok=True)
    write_lines(folder / SELECTED, (record.text or record.raw for record in selection.records))
    write_table(folder / RECEIPTS, saved.receipts)
    write_table(folder / POOL, saved.pool)
    write_lines(
        folder / QUARANTINE,
        (
            {"source": b.source, "row": b.row, "reason": b.reason, "text": b.text}
            for b in selection.quarantined
        ),
    )
    problems = notes_on(selection)
    try:
        write_file(folder / PICTURE, lambda file: draw_picture(saved, file))
    except (ValueError, OverflowError) as error:  # extreme scores; the selection stands
        problems.append(f"the picture could not be drawn: {error}")
    return problems


def notes_on(selection: Selection) -> list[str]:
    """Say which columns of the selection are not written as they were read."""
    rows = (record.raw for record in selection.records if record.text is None)
    columns = sorted({str(n) for row in rows for n, value in row.items() if holds_bytes(value)})
    return [f"{SELECTED}: bytes are written as base64: {', '.join(columns)}"] if columns else []

"""Writes a run folder: selection, tables, conversations, reports, and last of all the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mods.errors import OutputError
from mods.files import (
    holds_bytes,
    to_json,
    write_array,
    write_file,
    write_json,
    write_lines,
    write_table,
)
from mods.runs.conversations import write_conversations
from mods.runs.costs import WRITING, by_stage
from mods.runs.folder import (
    CONVERSATIONS,
    COSTS,
    MANIFEST,
    PICTURE,
    POOL,
    QUARANTINE,
    RECEIPTS,
    SELECTED,
    VECTORS,
)
from mods.runs.picture import draw_picture
from mods.runs.report.page import write_page
from mods.runs.saved import SavedRun
from mods.wording import describe
from mods.work.weights import size_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.records import Record
    from mods.selection.result import Selection

RESULTS = (SELECTED, RECEIPTS, POOL, QUARANTINE, CONVERSATIONS, VECTORS, PICTURE)
MOST_VECTORS = 128 << 20
"""Bytes of vectors that are kept in a run folder; larger pools would make it heavy."""


def save(selection: Selection, read: Sequence[Record], folder: Path) -> list[str]:
    """Write everything a run leaves into its folder; returns what is to be said about it.

    `read` are all records, selected or not. An old manifest goes first and the new one comes last,
    so that `done` means done.
    """
    with selection.costs.timed(WRITING, len(selection.receipts)) as cost:
        saved, problems = save_results(selection, read, folder)
    cost.bytes_written += sum(
        size_of(folder / name) for name in RESULTS if (folder / name).exists()
    )
    write_json(folder / COSTS, by_stage(selection.costs, selection.seconds))
    problems += drawn("report", lambda: write_page(saved, folder))
    write_json(folder / MANIFEST, {**selection.manifest, "notices": [
        *selection.manifest["notices"], *problems]})  # fmt: skip
    return problems


def save_results(
    selection: Selection, read: Sequence[Record], folder: Path
) -> tuple[SavedRun, list[str]]:
    """Write the selection, its tables and its picture; returns what is to be said about it, too."""
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
    write_conversations(folder / CONVERSATIONS, read, selection.answers)
    problems = notes_on(selection) + keep_vectors(selection.pool.embeddings, folder / VECTORS)
    manifest = {**saved.manifest, "notices": [*saved.manifest["notices"], *problems]}
    saved = replace(saved, manifest=json.loads(to_json(manifest)))
    problems += drawn(
        "picture", lambda: write_file(folder / PICTURE, lambda file: draw_picture(saved, file))
    )
    return saved, problems


def drawn(what: str, draw: Callable[[], object]) -> list[str]:
    """Draw something of a selection that stands without it; returns what went wrong.

    Whatever that is, the hours of work before it are not lost. Raises `OutputError` alone.
    """
    try:
        draw()
    except OutputError:
        raise
    except Exception as error:
        return [f"the {what} could not be drawn: {describe(error)}"]
    return []


def keep_vectors(vectors: npt.NDArray[np.float32] | None, target: Path) -> list[str]:
    """Write the vectors of the pool, from which `mods what-if` picks again; returns what to say."""
    target.unlink(missing_ok=True)
    if vectors is None:
        return []
    if vectors.nbytes > MOST_VECTORS:
        return [
            f"the {vectors.nbytes / 1e6:,.0f} MB of vectors are not kept in the run folder: "
            "`mods what-if` estimates the picks of another beta or a larger budget"
        ]
    write_array(target, vectors)
    return []


def notes_on(selection: Selection) -> list[str]:
    """Say which columns of the selection are not written as they were read."""
    rows = (record.raw for record in selection.records if record.text is None)
    columns = sorted({str(n) for row in rows for n, value in row.items() if holds_bytes(value)})
    return [f"{SELECTED}: bytes are written as base64: {', '.join(columns)}"] if columns else []

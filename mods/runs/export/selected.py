"""The selected rows of a run folder as records, in order of pick, and what they say of licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mods.errors import RunFolderError
from mods.files import from_json
from mods.records import Record
from mods.runs.conversations import Kept, read_conversations
from mods.runs.folder import CONVERSATIONS, SELECTED
from mods.runs.saved import SavedRun, telling
from mods.wording import one_line, shorten

LICENCES = ("license", "licence")
"""Columns of rows that say under which licence a row stands."""
UNSAID = ""
"""Stands for the licence of rows that say none."""


def selected_records(saved: SavedRun, folder: Path) -> list[Record]:
    """Return the selected rows, in order of pick; `RunFolderError` unless all are there."""
    import pyarrow.compute as pc

    with telling(folder):
        chosen = saved.receipts.filter(pc.field("fate") == "selected").sort_by("order").to_pylist()
        wanted = {receipt["id"] for receipt in chosen}
        kept: dict[str, Kept] = {}
        for one in read_conversations(folder / CONVERSATIONS):
            if one.id in wanted:
                kept.setdefault(one.id, one)
        missing = wanted - kept.keys()
        if missing:
            raise RunFolderError(
                f"{folder / CONVERSATIONS} lacks {len(missing):,} of {len(wanted):,} selected "
                "rows: run it again with `overwrite` (cached results are used)"
            )
        told = saved.manifest["rows"]["selected"]
        if len(chosen) != told:
            raise RunFolderError(
                f"{folder} holds receipts of {len(chosen):,} selected rows, its manifest tells of "
                f"{told:,}: not the files of one run"
            )
        return [kept[r["id"]].record(r["source"], r["row"]) for r in chosen]


def licences(folder: Path) -> dict[str, int]:
    """Count what the selected rows themselves name as their licence, the most frequent first."""
    found: Counter[str] = Counter()
    path = folder / SELECTED
    try:
        with path.open("rb") as file:
            for line in file:
                found[licence_of(from_json(line))] += 1
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error
    return dict(found.most_common())


def licence_of(row: Mapping[str, Any]) -> str:
    """Return the licence that a row names, shortened; `UNSAID` if it names none."""
    values = (row.get(column) for column in LICENCES) if isinstance(row, dict) else ()
    named = next((value for value in values if isinstance(value, str) and value.strip()), UNSAID)
    return shorten(named.strip())[1:-1] if named else UNSAID

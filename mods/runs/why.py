"""What happened to a row, and why: told from the run folder alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mods.errors import SettingsError
from mods.runs.saved import SavedRun
from mods.wording import printable

Row = dict[str, Any]
SHORTEST_ID = 10
"""So many digits are rather the start of an id than a row number."""


def find_receipts(run: Path, row: str) -> tuple[list[Row], Mapping[str, Any]]:
    """Return the receipts that `row` (number, `FILE:ROW`, id or its start) names, and the manifest.

    Raises `RunFolderError` when the folder holds no finished run, `SettingsError` when no row is
    found.
    """
    saved = SavedRun.load(run)
    row = printable(row)  # as the receipts have it
    if not row:
        raise SettingsError("an empty ROW: give a row number from 1, FILE:ROW or an id")
    found = saved.receipts.filter(matching(row)).to_pylist()
    if not found:
        sources = list(saved.manifest["makes"]["inputs"]["sources"])
        raise SettingsError(
            f"{row!r} names no row of {run}: give a row number from 1, FILE:ROW or the start of "
            f"an id; files: {', '.join(sources)}"
        )
    for receipt in found:
        receipt["nearest"] = nearest_selected(receipt, saved)
    return found, saved.manifest


def nearest_selected(receipt: Row, saved: SavedRun) -> Row | None:
    """Return the nearest other selected row and its distance, if the row was embedded."""
    import pyarrow.compute as pc

    rows = saved.pool.filter(pc.field("id") == receipt["id"]).to_pylist() if receipt["id"] else []
    if not rows or rows[0]["distance"] is None:
        return None
    near = rows[0]
    return {
        "source": near["nearest_source"],
        "row": near["nearest_row"],
        "distance": near["distance"],
    }


def matching(row: str) -> Any:
    """Return the filter for a row number, `FILE:ROW`, or an id."""
    import pyarrow.compute as pc

    starts = pc.starts_with(pc.field("id"), row)
    if re.fullmatch(r"[0-9]{1,15}", row):
        same = pc.field("row") == int(row)
        return same | starts if len(row) >= SHORTEST_ID else same
    source, colon, number = row.rpartition(":")
    if colon and re.fullmatch(r"[0-9]{1,15}", number):
        same = (pc.field("source") == source) | pc.ends_with(pc.field("source"), f"/{source}")
        return same & (pc.field("row") == int(number))
    return starts


def tell(receipt: Row, manifest: Mapping[str, Any]) -> str:
    """Tell one row's story in a few lines."""
    head = f"{receipt['source']}:{receipt['row']}  {str(receipt['fate']).upper()}"
    lines = [head, f"  id        {receipt['id'] or '- (the row could not be read)'}"]
    thresholds = manifest["thresholds"]
    for name, value in receipt.items():
        for kind, threshold in (("quality_", "alpha"), ("necessity_", "beta")):
            if name.startswith(kind) and value is not None and threshold in thresholds:
                cut = thresholds[threshold]
                lines.append(
                    f"  score     {name} = {value:.6g}   "
                    f"({threshold} {cut['asked']}, cut at {cut['score']:.6g})"
                )
    if receipt.get("tokens") is not None:
        lines.append(f"  tokens    {receipt['tokens']:,}")
    cut = [name.removeprefix("cut_") for name in receipt if name.startswith("cut_")]
    cut = [step for step in cut if receipt[f"cut_{step}"]]
    if cut:
        lines.append(f"  cut       too long to be read whole by: {', '.join(cut)}")
    if receipt["order"] is not None:
        radius = receipt["radius"]
        after = "" if radius is None else f", covering radius then {radius:.4g}"
        lines.append(f"  picked    {receipt['order']} of {manifest['rows']['selected']}{after}")
    if receipt["nearest"] is not None:
        near = receipt["nearest"]
        lines.append(
            f"  nearest   {near['distance']:.4g} away: {near['source']}:{near['row']}, "
            "the nearest other selected row"
        )
    lines.append(f"  decided   in the {receipt['stage']} stage: {receipt['reason']}")
    # A line of data must not look like two.
    return "\n".join(printable(line).replace("\n", "\\n") for line in lines)

"""The story of a row, told from the run folder alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mods.errors import RunFolderError, SettingsError
from mods.printable import printable
from mods.runfolder import RECEIPTS, RunFolder
from mods.store import read_results

Row = dict[str, Any]
SHORTEST_ID = 10
"""So many digits are rather the start of an id than a row number."""


def find_receipts(run: Path, row: str) -> tuple[list[Row], Mapping[str, Any]]:
    """Return the receipts that `row` (number, `FILE:ROW`, id or its start) names, and the manifest.

    Raises `RunFolderError` when the folder holds no finished run, `SettingsError` when no row is
    found.
    """
    manifest = RunFolder(run).manifest()
    if manifest is None:
        raise RunFolderError(f"{run} holds no run: no manifest.json")
    if not {"makes", "thresholds", "vectors", "rows"} <= manifest.keys():
        raise RunFolderError(f"{run}/manifest.json is not that of a finished run; run it again")
    table = read_receipts(run / RECEIPTS)
    if not row:
        raise SettingsError("an empty ROW: give a row number from 1, FILE:ROW or an id")
    found = table.filter(matching(row)).to_pylist()
    if not found:
        sources = list(manifest["makes"]["inputs"]["sources"])
        raise SettingsError(
            f"{row!r} names no row of {run}: give a row number from 1, FILE:ROW or the start of "
            f"an id; files: {', '.join(sources)}"
        )
    for receipt in found:
        receipt["nearest"] = nearest_selected(receipt, table, manifest)
    return found, manifest


def nearest_selected(receipt: Row, table: Any, manifest: Mapping[str, Any]) -> Row | None:
    """Return the nearest other selected row and its distance, if the vectors are still kept."""
    import numpy as np
    import pyarrow.compute as pc

    others = table.filter((pc.field("fate") == "selected") & (pc.field("id") != receipt["id"]))
    ids = others["id"].to_pylist()
    kept = read_results(Path(manifest["vectors"]), [*ids, receipt["id"]])
    if receipt["id"] not in kept or not ids or not all(i in kept for i in ids):
        return None
    vectors = np.stack([np.frombuffer(kept[i], dtype="<f4") for i in ids]).astype(np.float64)
    gaps = np.linalg.norm(vectors - np.frombuffer(kept[receipt["id"]], dtype="<f4"), axis=1)
    at = int(np.argmin(gaps))
    row = others.slice(at, 1).to_pylist()[0]
    return {"source": row["source"], "row": row["row"], "distance": float(gaps[at])}


def read_receipts(path: Path) -> Any:
    """Read the receipts as a pyarrow table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not {"id", "source", "row", "fate", "order", "radius"} <= set(table.column_names):
        raise RunFolderError(f"{path} does not hold the receipts of a run")
    return table


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
    where = printable(f"{receipt['source']}:{receipt['row']}")
    head = f"{where}  {receipt['fate'].upper()}"
    lines = [head, f"  id        {receipt['id'] or '- (the row could not be read)'}"]
    thresholds = manifest["thresholds"]
    for name, value in receipt.items():
        for kind, threshold in (("quality_", "alpha"), ("necessity_", "beta")):
            if name.startswith(kind) and value is not None:
                cut = thresholds[threshold]
                lines.append(
                    f"  score     {name} = {value:.6g}   "
                    f"({threshold} {cut['asked']}, cut at {cut['score']:.6g})"
                )
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
    lines.append(f"  decided   in the {receipt['stage']} stage: {printable(receipt['reason'])}")
    return "\n".join(lines)

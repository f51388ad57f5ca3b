"""The table that `mods score` writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.interfaces import Unscorable
from mods.printable import printable
from mods.runfolder import writing

if TYPE_CHECKING:
    from mods.reading import Reading


def score_table(reading: Reading, values: Sequence[float | Unscorable]) -> Any:
    """Return a pyarrow table with one row per input row: id, source, row, score, reason."""
    import pyarrow as pa

    of = {r.id: value for r, value in zip(reading.records, values, strict=True)}
    records = [*reading.records, *(duplicate for duplicate, _ in reading.duplicates)]
    rows: list[tuple[Any, ...]] = [
        (r.id, r.source, r.row, None, of[r.id].reason)  # type: ignore[union-attr]
        if isinstance(of[r.id], Unscorable)
        else (r.id, r.source, r.row, of[r.id], None)
        for r in records
    ]
    rows += [(None, b.source, b.row, None, printable(b.reason)) for b in reading.broken]
    assert len(rows) == reading.rows, "a row was lost or invented"
    place = {source: i for i, source in enumerate(reading.schemas)}
    rows.sort(key=lambda row: (place.get(row[1], len(place)), row[2]))
    types = (pa.string(), pa.string(), pa.int64(), pa.float64(), pa.string())
    names = ("id", "source", "row", "score", "reason")
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def write_table(table: Any, path: Path) -> None:
    """Write a Parquet file next to its place, then move it there."""
    import pyarrow.parquet as pq

    with writing(path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            pq.write_table(table, temporary, compression="zstd")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

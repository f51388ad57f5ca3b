"""The tables that runs leave: a receipt per input row, the pool, and scores by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.interfaces import Unscorable
from mods.kcenter.nearest import nearest_rows
from mods.wording import printable

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.data.reading import Reading
    from mods.pool import Pool
    from mods.records import Record
    from mods.selection.receipts import Receipt

MAP_SAMPLE = 20_000
"""The axes of the map are those of about so many rows: more would hardly turn them."""


def receipt_table(receipts: Sequence[Receipt]) -> Any:
    """Return the receipts as a pyarrow table, one column per score and per step that cut rows."""
    import pyarrow as pa

    names = sorted({name for receipt in receipts for name in receipt.scores})
    columns = {
        "id": pa.array([r.id for r in receipts], pa.string()),
        "source": pa.array([printable(r.source) for r in receipts], pa.string()),
        "row": pa.array([r.row for r in receipts], pa.int64()),
        "fate": pa.array([r.fate for r in receipts], pa.string()),
        "stage": pa.array([r.stage for r in receipts], pa.string()),
        "reason": pa.array([printable(r.reason) for r in receipts], pa.string()),
        "order": pa.array([r.order for r in receipts], pa.int64()),
        "radius": pa.array([r.radius for r in receipts], pa.float32()),
        "tokens": pa.array([r.tokens for r in receipts], pa.int64()),
    }
    for name in names:
        columns[name] = pa.array([r.scores.get(name) for r in receipts], pa.float64())
    for step in sorted({step for receipt in receipts for step in receipt.cut}):
        columns[f"cut_{step}"] = pa.array([step in r.cut for r in receipts], pa.bool_())
    return pa.table(columns)


def pool_table(pool: Pool, selected: Sequence[Record]) -> Any:
    """Return what is known of the rows that passed alpha, one a row, in input order.

    Columns: `id`, `source`, `row`, `tokens`; `x` and `y`, the place on the map; and the nearest
    other selected row: `nearest_source`, `nearest_row`, `distance` (Euclidean). What no part of the
    run asked for is null.
    """
    import pyarrow as pa

    records = pool.records
    none = [None] * len(records)
    columns: dict[str, Any] = {
        "id": pa.array([r.id for r in records], pa.string()),
        "source": pa.array([printable(r.source) for r in records], pa.string()),
        "row": pa.array([r.row for r in records], pa.int64()),
        "tokens": pa.array(none if pool.tokens is None else pool.tokens, pa.int64()),
    }
    for name, values in map_columns(pool.embeddings).items():
        columns[name] = pa.array(none if values is None else values, pa.float32())
    columns.update(nearest_columns(pool, selected))
    return pa.table(columns)


def map_columns(
    embeddings: npt.NDArray[np.float32] | None,
) -> Mapping[str, npt.NDArray[np.float32] | None]:
    """Return the places of rows on the first two principal components of the pool."""
    if embeddings is None:
        return {"x": None, "y": None}
    project = projection(embeddings)
    places = np.concatenate(
        [project(slice(at, at + MAP_SAMPLE)) for at in range(0, len(embeddings), MAP_SAMPLE)]
    ).astype(np.float32)
    return {"x": places[:, 0], "y": places[:, 1]}


def projection(
    vectors: npt.NDArray[np.float32],
) -> Callable[[slice], npt.NDArray[np.float64]]:
    """Return what projects the rows asked for onto the first two principal components.

    The components are those of a sample of about 20,000; only rows asked for are in float64.
    """
    sample = vectors[:: max(1, len(vectors) // MAP_SAMPLE)].astype(np.float64)
    mean = sample.mean(axis=0)
    covariance = (sample - mean).T @ (sample - mean)
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :2]
    if axes.shape[1] < 2:  # one-dimensional vectors
        axes = np.hstack([axes, np.zeros_like(axes)])
    return lambda rows: np.asarray((vectors[rows] - mean) @ axes)


def nearest_columns(pool: Pool, selected: Sequence[Record]) -> dict[str, Any]:
    """Return, for every row of the pool, the nearest other selected row and its distance."""
    import pyarrow as pa

    records = pool.records
    place = {(r.source, r.row): i for i, r in enumerate(records)}
    chosen = np.array([place[r.source, r.row] for r in selected], dtype=np.int64)
    at = np.full(len(records), -1)
    distances = np.full(len(records), np.inf)
    if pool.embeddings is not None and len(chosen):
        at, distances = nearest_rows(pool.embeddings, chosen)
    nearest = [records[i] if i >= 0 else None for i in at.tolist()]
    return {
        "nearest_source": pa.array([r and printable(r.source) for r in nearest], pa.string()),
        "nearest_row": pa.array([r and r.row for r in nearest], pa.int64()),
        "distance": pa.array(distances, pa.float64(), mask=at < 0),
    }


def score_table(reading: Reading, values: Sequence[float | Unscorable]) -> Any:
    """Return a pyarrow table with one row per input row: id, source, row, score, reason.

    Rows that could not be read or scored have no score but a reason; duplicates have the score of
    the row they repeat.
    """
    import pyarrow as pa

    of = {head.id: value for head, value in zip(reading.records.heads(), values, strict=True)}
    rows: list[tuple[Any, ...]] = []
    found = [(head.id, head.source, head.row) for head in reading.records.heads()]
    found += [(again.id, again.source, again.row) for again in reading.duplicates]
    for id, source, row in found:
        value = of[id]
        score, reason = (None, value.reason) if isinstance(value, Unscorable) else (value, None)
        where = (id, printable(source), row)
        rows.append((*where, score, reason and printable(reason)))
    rows += [(None, printable(b.source), b.row, None, printable(b.reason)) for b in reading.broken]
    assert len(rows) == reading.rows, "a row was lost or invented"
    place = {printable(source): i for i, source in enumerate(reading.sources)}
    rows.sort(key=lambda row: (place.get(row[1], len(place)), row[2]))
    types = (pa.string(), pa.string(), pa.int64(), pa.float64(), pa.string())
    names = ("id", "source", "row", "score", "reason")
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})

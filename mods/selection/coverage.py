"""Stage 2, coverage: embed the pool and pick a diverse subset of it (MoDS, section 3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mods.cached import VECTORS, Part, VectorChecker, compute_cached, stacked
from mods.checks import checked_picks
from mods.interfaces import Picks, Pool
from mods.store import store_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.progress import Progress
    from mods.records import Record

EmbedText = Literal["prompt", "instruction", "both"]


def text_of(record: Record, what: EmbedText) -> str:
    """The text of a record that is embedded."""
    if what == "instruction":
        return record.instruction
    return record.prompt if what == "prompt" else f"{record.prompt}\n{record.response}"


def embed_records(
    records: Sequence[Record], part: Part, what: EmbedText, cache: Path, progress: Progress
) -> tuple[npt.NDArray[np.float32], Path]:
    """Return one vector per record, float32, shape (n, d), and the file that keeps them."""
    name = f"embedding-{part.plugin.name}"
    identity = {"text": what, **part.identity}
    if hasattr(part.object, "fit"):
        texts = [text_of(record, what) for record in records]
        part.call(part.object.fit, texts)
        identity["pool"] = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
    vectors = compute_cached(
        records,
        VectorChecker(
            part, lambda chunk: part.object.embed([text_of(record, what) for record in chunk])
        ),
        codec=VECTORS,
        cache=cache,
        name=name,
        identity=identity,
        chunk_size=part.chunk_size(),
        progress=progress,
        label=f"coverage: {part.plugin.name}",
    )
    return stacked(vectors, part), store_path(cache, name, identity)


def pick(pool: Pool, k: int, initial: npt.NDArray[np.int64], part: Part) -> Picks:
    """Pick up to k rows of the pool besides the fixed centres."""
    picks = part.call(part.object.select, pool, k, initial=initial)
    return checked_picks(picks, len(pool.records), k, initial, str(part))

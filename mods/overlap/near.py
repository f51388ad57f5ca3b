"""Which rows come near which prompts: cosines of embeddings (`near_overlaps`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.overlap.index import asked
from mods.overlap.overlaps import Overlap

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.data.prompts import Prompt
    from mods.records import Record

NEAR = 0.9
"""The usual cosine from which a row is near: with sentence encoders, another wording of it."""
BLOCK = 1 << 22
"""Cosines in memory at a time."""


def near_overlaps(
    records: Sequence[Record],
    vectors: npt.NDArray[np.floating[Any]],
    prompts: Sequence[Prompt],
    prompt_vectors: npt.NDArray[np.floating[Any]],
    threshold: float = NEAR,
) -> list[Overlap]:
    """Return the pairs whose cosine is `threshold` or more, by record, then by prompt.

    `vectors` has shape (records, d), `prompt_vectors` (prompts, d), both of what is asked. A vector
    of zeros is near nothing.
    """
    ours, theirs = unit(vectors), unit(prompt_vectors)
    overlaps = []
    rows = max(1, BLOCK // max(1, len(prompts)))
    for start in range(0, len(ours), rows):
        cosines = ours[start : start + rows] @ theirs.T
        for at, number in np.argwhere(cosines >= threshold).tolist():
            record, prompt = records[start + at], prompts[number]
            said = set(asked(record.context))
            both = " ".join(w for w in asked(prompt.conversation.turns) if w.strip() and w in said)
            where = (record.source, record.row, prompt.set, prompt.row)
            overlaps.append(Overlap(*where, "near", both, float(cosines[at, number])))
    return overlaps


def unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Return vectors of length 1, float32; a vector of zeros stays as it is."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)

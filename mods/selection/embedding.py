"""Embedding: texts become vectors, each text once for all stages that ask for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mods.work.columns import Column, vectors
from mods.work.work import Item, Job, Results, Work

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.run import EmbedText

    Vector = npt.NDArray[np.float32]


def embed_records(
    records: Sequence[Record], part: Part, what: EmbedText, work: Work
) -> Results[Vector]:
    """Return one vector per record, float32, shape (d,)."""
    return work.rows(*embedding(records, part, what))


def embedding(
    records: Sequence[Record], part: Part, what: EmbedText
) -> tuple[Job, Column[Vector], list[Item]]:
    """Return what embeds the texts of records, and those texts."""
    return encoding([text_of(record, what) for record in records], part, "coverage")


def embed_texts(texts: Sequence[str], part: Part, stage: str, work: Work) -> Results[Vector]:
    """Return one vector per text, float32, shape (d,)."""
    return work.rows(*encoding(texts, part, stage))


def encoding(
    texts: Sequence[str], part: Part, stage: str
) -> tuple[Job, Column[Vector], list[Item]]:
    """Return what embeds texts, whose vectors the cache keeps by text.

    An embedder that is fitted gets these texts as its pool.
    """
    identity = dict(part.identity)
    fit = texts if hasattr(part.object, "fit") else None
    if fit is not None:
        identity["pool"] = digest("\0".join(texts))
    job = Job(part, "embed", f"{stage}: {part.name}", f"embedding-{part.name}", identity, fit=fit)
    return job, vectors(), [Item(digest(text), text, len(text)) for text in texts]


def digest(text: str) -> str:
    """Return the SHA-256 of a text, whatever it holds."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def text_of(record: Record, what: EmbedText) -> str:
    """The text of a record that is embedded, what tells it from others first.

    Embedders read the beginning of a text, some only 256 tokens: of several turns the newest comes
    first and a system message last, so that one that rows share does not make them one point.
    """
    turns = record.context
    if what == "instruction":
        return record.instruction
    if len(turns) <= 1:
        return record.prompt if what == "prompt" else f"{record.prompt}\n{record.response}"
    newest_first = [t for t in reversed(turns) if t.role != "system"]
    last, *older = newest_first + [t for t in turns if t.role == "system"]
    newest = [last] if what == "prompt" else [last, record.reply]
    return "\n".join(f"{turn.role}: {turn.text}" for turn in (*newest, *older))

"""The texts of the page: of every input row its id, the reason in words, and its conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mods.errors import RunFolderError
from mods.files import from_json
from mods.runs.conversations import read_conversations
from mods.runs.folder import CONVERSATIONS, QUARANTINE
from mods.runs.report.packing import deflated
from mods.wording import printable

if TYPE_CHECKING:
    from mods.runs.saved import SavedRun

CHUNK = 512 << 10
"""Bytes of texts that are packed together: what is unpacked to show one row."""


class Chunk(NamedTuple):
    """The texts of some rows that follow each other."""

    first: int
    """The place of the first one, from 0."""
    rows: int
    packed: bytes
    """Deflated JSON: a list of `[id, reason, text, answer]`. The text is `{turns, tools}`, the
    place of the row that says the same, or, of a row that could not be read, what stood there.
    The answer is that of the tuned model, if it was asked."""


def pack_texts(saved: SavedRun, folder: Path) -> tuple[list[Chunk], list[int]]:
    """Return the texts of all rows in chunks, and the characters of each row's reply (-1: none).

    Raises `RunFolderError` for a folder with broken files.
    """
    characters: list[int] = []
    chunks: list[Chunk] = []
    texts: list[str] = []
    size = 0

    def close() -> None:
        nonlocal texts, size
        if texts:
            data = f"[{','.join(texts)}]".encode("utf-8", "replace")
            chunks.append(Chunk(len(characters) - len(texts), len(texts), deflated(data)))
            texts, size = [], 0

    for text, length in told(saved, folder):
        characters.append(length)
        texts.append(text)
        size += len(text)
        if size > CHUNK:
            close()
    close()
    return chunks, characters


def told(saved: SavedRun, folder: Path) -> Iterator[tuple[str, int]]:
    """Yield of each row, in order, its text as JSON and the characters of its reply.

    The conversations are in the order of the receipts, so one at a time is held.
    """
    broken = read_quarantine(folder / QUARANTINE)
    conversations = read_conversations(folder / CONVERSATIONS)
    ahead = next(conversations, None)
    first: dict[str, tuple[int, int]] = {}
    columns = [saved.receipts[name].to_pylist() for name in ("id", "reason", "source", "row")]
    for at, (id, reason, *where) in enumerate(zip(*columns, strict=True)):
        head = f"{json.dumps(id)},{json.dumps(reason)}"
        if ahead is not None and ahead.id == id:
            first[id] = at, ahead.characters
            answer = "" if ahead.answer is None else f",{json.dumps(ahead.answer)}"
            yield f"[{head},{ahead.conversation}{answer}]", ahead.characters
            ahead = next(conversations, None)
        elif id in first:
            place, characters = first[id]
            yield f"[{head},{place}]", characters
        else:
            yield f"[{head},{json.dumps(broken.get(tuple(where)))}]", -1


def read_quarantine(path: Path) -> dict[tuple[Any, ...], str]:
    """Return what stood where a row could not be read, by source, as receipts have it, and row."""
    try:
        with path.open("rb") as file:
            rows = [from_json(line) for line in file if line.strip()]
        return {(printable(row["source"]), row["row"]): str(row["text"]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error

"""Responses broken on purpose, for `coherence` to learn from. A helper: no hooks."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mods import Record
from mods_plugins.text import script, sentences, with_response, words

KINDS = ("swapped", "swapped", "truncated", "shuffled")
"""One row in two is swapped, one in four truncated, one in four shuffled."""
REACHES = (5, 20, 100)
"""How far, in the order of lengths, another answer is looked for: near ones are as long, and
farther ones are asked only where all near ones are the same answer or to the same prompt."""
CUT = (0.2, 0.6)
"""Shares of a text's length between which it is cut: less is a stub, more is nearly whole."""
LEAST_WORDS = 4
"""A text of fewer words is not cut: it has no middle."""


@dataclass(frozen=True)
class Broken:
    """A record with a response that was broken on purpose."""

    row: int
    """The row it was made from."""
    record: Record
    kind: str
    """`swapped`, `truncated` or `shuffled`."""


def break_responses(
    records: Sequence[Record], kinds: Sequence[str] = KINDS, times: int = 1
) -> list[Broken]:
    """Make `times` broken records of each record, taking the kinds in turn.

    What is made depends on the set of records, not on their order. A response too short to be
    cut or shuffled is swapped; one for which nothing works is left out.
    """
    by_length = sorted(
        range(len(records)), key=lambda i: (len(records[i].response), _hash(records[i]))
    )
    place = {row: rank for rank, row in enumerate(by_length)}
    neighbours = [records[i] for i in by_length]
    made = []
    for row, record in enumerate(records):
        rng = random.Random(_hash(record))
        start = rng.randrange(len(kinds))
        for turn in range(times):
            kind = kinds[(start + turn) % len(kinds)]
            item = _break(row, record, kind, neighbours, place[row], rng)
            made += [item] if item else []
    return made


def _break(
    row: int, record: Record, kind: str, pool: Sequence[Record], rank: int, rng: random.Random
) -> Broken | None:
    text = None
    if kind == "truncated":
        text = truncate(record.response, rng)
    elif kind == "shuffled":
        text = shuffle(record.response, rng)
    if text is None:
        kind, text = "swapped", _swap(pool, rank, rng)
    if text is None:
        kind, text = "truncated", truncate(record.response, rng)
    return Broken(row, with_response(record, text), kind) if text else None


def _swap(pool: Sequence[Record], rank: int, rng: random.Random) -> str | None:
    """Return a response of about the same length that answers another prompt."""
    own = pool[rank]
    for reach in REACHES:
        near = [*pool[max(0, rank - reach) : rank], *pool[rank + 1 : rank + reach + 1]]
        others = [
            other.response
            for other in near
            if other.response.strip() not in ("", own.response.strip())
            and other.context != own.context
        ]
        if others:
            return rng.choice(others)
    return None


def truncate(text: str, rng: random.Random) -> str | None:
    """Cut a text at 20 to 60 % of its length, between words; None if it has under four words."""
    if len(words(text)) < LEAST_WORDS:
        return None
    text = text.strip()
    head = text[: max(1, int(len(text) * rng.uniform(*CUT)))]
    cut = head.rstrip() if text[len(head)].isspace() else re.sub(r"\s+\S*$", "", head)
    return cut or head


def shuffle(text: str, rng: random.Random) -> str | None:
    """Put the sentences of a text in another order; None if it has only one."""
    parts = sentences(text.strip())
    if len(set(parts)) < 2:
        return None
    if script(text) != 2 and not parts[-1][-1].isspace():
        parts[-1] += " "
    order = list(range(len(parts)))
    while order == sorted(order):
        rng.shuffle(order)
    return "".join(parts[i] for i in order).strip()


def sample(records: Sequence[Record], size: int) -> list[int]:
    """Choose up to `size` rows by the hash of their content, copies once; returns row numbers."""
    first: dict[str, int] = {}
    for row, record in enumerate(records):
        if record.response.strip():
            first.setdefault(_hash(record), row)
    return [first[key] for key in sorted(first)[:size]]


def _hash(record: Record) -> str:
    return hashlib.sha256(f"coherence:{record.id}".encode()).hexdigest()

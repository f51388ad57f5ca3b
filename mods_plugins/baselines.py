"""Baselines every selection should be compared with: the longest responses, and chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mods import Record, SettingsError, hookimpl
from mods_plugins.text import words

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.hookspecs import RegisterScorer


class ResponseLength:
    """Length of the response: longer is better.

    The baseline of "Long Is More for Alignment" (Zhao et al., 2024), hard to beat on ordinary
    pools. `unit` is `chars` (Unicode characters, no tokenizer, no language) or `words` (a
    character of Chinese, Japanese, Thai and other scripts without spaces counts as a word).
    White space at both ends does not count; an empty response scores 0.
    """

    chunk_size = 8192

    def __init__(self, *, unit: Literal["chars", "words"] = "chars") -> None:
        if unit not in ("chars", "words"):
            raise SettingsError(f"unit {unit!r} is unknown; use chars or words")
        self.unit = unit

    def identity(self) -> dict[str, Any]:
        """Return the unit."""
        return {"method": "response-length", "unit": self.unit}

    def score(self, records: Sequence[Record]) -> npt.NDArray[np.float64]:
        """Return lengths, shape (n,), 0 or more."""
        count = len if self.unit == "chars" else _count_words
        return np.array([count(record.response.strip()) for record in records], dtype=np.float64)


def _count_words(text: str) -> int:
    return len(words(text))


class RandomScorer:
    """A number that says nothing about the row: the baseline of chance.

    It is drawn from the seed and the record's id alone, so the same row gets the same number in
    any order, batch, file or machine, and a copy of a row the number of the row.
    """

    chunk_size = 8192

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def identity(self) -> dict[str, Any]:
        """Return the seed."""
        return {"method": "random", "seed": self.seed}

    def score(self, records: Sequence[Record]) -> npt.NDArray[np.float64]:
        """Return numbers uniform in [0, 1), shape (n,)."""
        return np.array([draw(self.seed, record.id) for record in records], dtype=np.float64)


def draw(seed: int, key: str) -> float:
    """Return a number in [0, 1) with 53 random bits that depends on `seed` and `key` only."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


@hookimpl
def register_quality_scorers(register: RegisterScorer) -> None:
    """Register the baselines."""
    register("response-length", ResponseLength)
    register("random", RandomScorer)

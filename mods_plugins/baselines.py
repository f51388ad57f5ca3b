"""Baselines every selection should be compared with: the longest responses, and chance.

Registers the scorers `response-length` and `random`, and the selector `random`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mods import Budget, Picks, Pool, Record, SettingsError, hookimpl
from mods_plugins.text import words

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register


FLOAT_BITS = 53
"""Bits of a float64's fraction: so many random ones are all a number in [0, 1) can hold."""


class ResponseLength:
    """Length of the response: longer is better.

    The baseline of "Long Is More for Alignment" (Zhao et al., 2024), hard to beat on ordinary
    pools. `unit` is `chars` (Unicode characters, no tokenizer, no language) or `words` (a
    character of Chinese, Japanese, Thai and other scripts without spaces counts as a word).
    White space at both ends does not count; an empty response scores 0. Raises `SettingsError` for
    another unit.
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
        """Return lengths in `unit`, shape (n,), float64, 0 or more."""
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
        """Return numbers uniform in [0, 1), shape (n,), float64."""
        return np.array([draw(self.seed, record.id) for record in records], dtype=np.float64)


class RandomSelector:
    """Rows by chance: the baseline every selection has to beat.

    Rows are ranked by a number drawn from the seed and their id, so the order of the pool does
    not matter, and a larger budget, or a pool with rows added, keeps the picks it had in their
    order.
    """

    needs: tuple[str, ...] = ()
    """It looks at the ids of the records alone."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def identity(self) -> dict[str, Any]:
        """Return the seed."""
        return {"method": "random", "seed": self.seed}

    def select(self, pool: Pool, budget: Budget, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick rows besides `initial` until the budget is met, or all if there are fewer.

        The indices are int64, shape (k,); there are no radii. Under a budget in tokens a row that
        alone has more than are left is passed over, and the next is tried.
        """
        taken = {int(row) for row in initial}
        free = [row for row in range(len(pool.records)) if row not in taken]
        # Copies of a row share its number; the row number then decides.
        free.sort(key=lambda row: (draw(self.seed, pool.records[row].id), row))
        return budget.take(free, pool)


def draw(seed: int | str, key: str) -> float:
    """Return a number in [0, 1) with 53 random bits that depends on `seed` and `key` only."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - FLOAT_BITS)) / 2.0**FLOAT_BITS


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `response-length` and `random`."""
    register("response-length", ResponseLength)
    register("random", RandomScorer)


@hookimpl
def register_selectors(register: Register) -> None:
    """Register `random`."""
    register("random", RandomSelector)

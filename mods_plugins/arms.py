"""Arms: the plain choices that a selection has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import Pool, SettingsError, hookimpl
from mods.interfaces import EMBEDDINGS, QUALITY
from mods_plugins.baselines import draw as drawn

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register

    Places = npt.NDArray[np.int64]

BLOCK = 1024
"""Rows whose similarities are computed at once."""


class Random:
    """Rows by chance, several times: what every selection has to beat."""

    needs: tuple[str, ...] = ()
    words = "rows by chance"
    plain = True

    def __init__(self, *, seed: int = 0, draw: int = 0) -> None:
        self.seed, self.draw = seed, draw

    def rank(self, pool: Pool) -> Places:
        """Return all rows in an order by chance, which the order of the pool does not change."""
        return by_chance(pool, f"arm {self.seed} {self.draw}")


class Whole:
    """The whole pool, as far as the budget of tokens and updates goes: no row is learned twice."""

    needs: tuple[str, ...] = ()
    words = "the whole pool, each row learned once at most"
    repeats = False

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def rank(self, pool: Pool) -> Places:
        """Return all rows in an order by chance."""
        return by_chance(pool, f"whole {self.seed}")


class Longest:
    """The longest responses: hard to beat (Zhao et al., "Long Is More for Alignment", 2024)."""

    needs: tuple[str, ...] = ()
    words = "the rows with the longest responses"
    plain = True

    def rank(self, pool: Pool) -> Places:
        """Return all rows, those with the most characters in their response first."""
        lengths = [len(record.response.strip()) for record in pool.records]
        return np.argsort(-np.array(lengths), kind="stable")


class TopQuality:
    """The rows with the best quality scores, by the scorer of the run."""

    needs = (QUALITY,)
    words = "the rows with the best quality scores"

    def rank(self, pool: Pool) -> Places:
        """Return all rows, the best first."""
        return np.argsort(-pool.scores[QUALITY], kind="stable")


class DistinctHalf:
    """The better half by quality, with one row of each group of near-duplicates; then by chance.

    A row is a near-duplicate if the cosine of its embedding with that of a better row which was
    kept is at least `similarity`. `share` is the share of the pool that quality lets through.
    """

    needs = (QUALITY, EMBEDDINGS)
    words = "by chance out of the better half by quality, without near-duplicates"

    def __init__(self, *, share: float = 0.5, similarity: float = 0.9, seed: int = 0) -> None:
        if not (0 < share <= 1 and -1 <= similarity <= 1):
            raise SettingsError(f"`share` {share} or `similarity` {similarity} is out of range")
        self.share, self.similarity, self.seed = share, similarity, seed

    def identity(self) -> dict[str, Any]:
        """Return the options."""
        return {"share": self.share, "similarity": self.similarity, "seed": self.seed}

    def rank(self, pool: Pool) -> list[int]:
        """Return the rows that are kept, in an order by chance."""
        assert pool.embeddings is not None
        best = np.argsort(-pool.scores[QUALITY], kind="stable")
        best = best[: max(1, int(len(best) * self.share + 0.5))]
        kept = {int(best[at]) for at in distinct(pool.embeddings[best], self.similarity)}
        return [int(row) for row in by_chance(pool, f"distinct {self.seed}") if int(row) in kept]


def by_chance(pool: Pool, seed: str) -> Places:
    """Return the rows ranked by a number drawn from the seed and their id."""
    numbers = [drawn(seed, record.id) for record in pool.records]
    return np.argsort(np.array(numbers), kind="stable")


def distinct(vectors: npt.NDArray[np.float32], similarity: float) -> Sequence[int]:
    """Return the places of vectors that are not too similar to one that was kept before.

    Vectors of shape (n, d) are compared by their cosine; a zero vector is similar to none.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1)
    kept: list[int] = []
    for start in range(0, len(units), BLOCK):
        block = units[start : start + BLOCK]
        free = np.ones(len(block), dtype=bool)
        for begin in range(0, len(kept), BLOCK):
            others = units[kept[begin : begin + BLOCK]]
            free &= (block @ others.T < similarity).all(axis=1)
        inner = block @ block.T >= similarity
        for at in range(len(block)):
            if free[at]:
                kept.append(start + at)
                free[at + 1 :] &= ~inner[at, at + 1 :]
    return kept


@hookimpl
def register_arms(register: Register) -> None:
    """Register `random`, `longest`, `top-quality`, `distinct-half` and `whole`."""
    register("random", Random)
    register("longest", Longest)
    register("top-quality", TopQuality)
    register("distinct-half", DistinctHalf)
    register("whole", Whole)

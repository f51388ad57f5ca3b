"""What a selector is given, a pool and a budget, and what it returns: picks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mods.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.records import Record


@dataclass(frozen=True)
class Pool:
    """What a selector may look at: n records, and what was asked for about them."""

    records: Sequence[Record]
    embeddings: npt.NDArray[np.float32] | None = None
    """Shape (n, d), float32; None if no part needs them."""
    scores: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """Score columns by name, each (n,) float64, higher is better: `quality` (the run's scorer),
    and every scorer that the selector needs, under the text it was named by."""
    tokens: npt.NDArray[np.int64] | None = None
    """Tokens of each row, shape (n,): those that tuning learns, or all that it reads, as the
    setting `count` says; None if neither a part nor a budget needs them."""

    def rows(self, at: Sequence[int]) -> Pool:
        """Return the pool of some rows, in the order of `at`."""
        import numpy as np

        index = np.asarray(at, dtype=np.int64)
        return Pool(
            [self.records[i] for i in at],
            None if self.embeddings is None else self.embeddings[index],
            {name: column[index] for name, column in self.scores.items()},
            None if self.tokens is None else self.tokens[index],
        )


@dataclass(frozen=True)
class Budget:
    """How much a selector may pick besides the fixed centres."""

    rows: int
    """At most so many rows, 1 or more."""
    tokens: int | None = None
    """At most so many tokens, counted by `Pool.tokens`; None: however many the rows have."""

    def take(self, order: Iterable[int], pool: Pool) -> Picks:
        """Pick rows in the given order until the budget is met.

        A row that alone has more tokens than are left is passed over, and the next one is tried.
        """
        import numpy as np

        if self.tokens is not None and pool.tokens is None:
            raise PluginError("a budget in tokens needs a pool with token counts")
        tokens = None if self.tokens is None or pool.tokens is None else pool.tokens.tolist()
        left = self.tokens or 0
        picked: list[int] = []
        passed: dict[int, int] = {}
        for row in map(int, order):
            if len(picked) == self.rows:
                break
            if tokens is not None:
                if tokens[row] > left:
                    passed[row] = left
                    continue
                left -= tokens[row]
            picked.append(row)
        return Picks(np.array(picked, dtype=np.int64), passed=passed)


@dataclass(frozen=True)
class Picks:
    """What a selector returns."""

    indices: npt.NDArray[np.int64]
    """Rows of the pool in pick order, no row twice, none of the fixed centres."""
    radii: npt.NDArray[np.float32] | None = None
    """Covering radius once each pick is made, if the selector knows it."""
    passed: Mapping[int, int] = field(default_factory=dict)
    """By row: the tokens that were left when it was passed over, because it alone has more."""

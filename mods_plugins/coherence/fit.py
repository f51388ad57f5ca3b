"""The fit of `coherence`: standardised features and Bradley-Terry weights. A helper: no hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mods_plugins.coherence.features import ABSENT, SIGNED

if TYPE_CHECKING:
    import numpy.typing as npt

    Columns = npt.NDArray[np.float64]

CLIP = 4.0
"""Standardised features stay within so many spreads: one odd row cannot decide a weight."""
FLAT = 1e-6
"""A smaller spread is rounding: the feature is the same in all rows and is not divided by it."""
PRIOR_ROWS = 4
"""Weight of the whole pool's means in the means of a script, in rows: matters for rare scripts."""
STRENGTH = 0.02
"""Weight of the data against the L2 penalty (C of a logistic regression)."""
STEPS = 100
"""Newton steps at most; a handful is enough."""
CLOSE = 1e-10
"""A step that moves no weight by this much is the last: far below what moves a score visibly."""


@dataclass(frozen=True)
class Scale:
    """Standardises features: centred within each script, divided by the pool's spread."""

    overall: Columns
    """Means of the whole pool, shape (14,)."""
    centres: dict[float, Columns]
    """Means by script, each (14,)."""
    spread: Columns
    """Root mean square distance from the overall means, shape (14,)."""

    @classmethod
    def of(cls, table: Columns) -> Scale:
        """Learn from the pool's features, shape (n, 15)."""
        overall = _means(_values(table))
        centres = {}
        for kind in np.unique(table[:, -1]):
            rows = table[table[:, -1] == kind]
            share = len(rows) / (len(rows) + PRIOR_ROWS)
            own = _means(_values(rows))
            centres[float(kind)] = np.where(
                np.isnan(own), overall, share * own + (1 - share) * overall
            )
        squares = _means((_values(table) - overall) ** 2)
        spread: Columns = np.sqrt(np.nan_to_num(squares))
        return cls(overall, centres, np.where(spread > FLAT, spread, 1.0))

    def __call__(self, table: Columns) -> Columns:
        """Return standardised features within -4 to 4, shape (n, 14); 0 where one is absent."""
        centres = [self.centres.get(float(kind), self.overall) for kind in table[:, -1]]
        scaled = (_values(table) - np.array(centres)) / self.spread
        clipped: Columns = np.clip(scaled, -CLIP, CLIP)
        clipped[np.isnan(clipped)] = 0
        return clipped


def _values(table: Columns) -> Columns:
    """Return the features without the script, with nan where a feature is absent."""
    values: Columns = table[:, :-1].copy()
    absent = values == ABSENT
    absent[:, SIGNED] = False
    values[absent] = np.nan
    return values


def _means(values: Columns) -> Columns:
    """Return column means without the nans; nan for a column of nothing else.

    Sorted first, so that the order of the rows does not even change the rounding.
    """
    ordered: Columns = np.sort(values, axis=0)
    counts = np.sum(~np.isnan(ordered), axis=0)
    sums = np.nansum(ordered, axis=0)
    means: Columns = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def fit_pairs(differences: Columns) -> Columns:
    """Fit Bradley-Terry weights to feature differences (better minus worse), shape (m, f).

    Minimises |w|^2 / 2 + C * sum(log(1 + exp(-d.w))) by Newton's method: strictly convex, so the
    answer is unique (Bradley and Terry, 1952). Returns weights of shape (f,), float64.
    """
    weights: Columns = np.zeros(differences.shape[1])
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(differences @ weights))
        gradient = weights - STRENGTH * differences.T @ wrong
        curvature = STRENGTH * (differences.T * (wrong * (1 - wrong))) @ differences
        step = np.linalg.solve(np.eye(len(weights)) + curvature, gradient)
        weights -= step
        if np.abs(step).max() < CLOSE:
            break
    return weights

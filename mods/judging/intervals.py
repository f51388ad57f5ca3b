"""How far a mean may be off: by prompts, by the luck of a draw, by tuning seeds.

- **Prompts** are many: they are resampled, the same ones in all arms (paired bootstrap).
- **Draws of rows and tuning seeds** are few. Resampling three draws would lose a third of their
  variance [1]_, and an arm of one draw cannot be resampled at all. So every arm is taken to vary as
  the random draws do: by as much as the means of the random draws, each over its tuning seeds, vary
  beyond what their prompts explain (two-way analysis of variance of draws and prompts). Each
  resample of the prompts is moved by normal noise of that size.
- **The size of that noise** is itself uncertain, the more so the fewer draws. So each deviation is
  multiplied by the root of df / chi-square(df), which makes a normal distribution one of Student's.
  The degrees of freedom are those that hold the level in studies of few readers (here: draws) and
  many cases (here: prompts) [2]_, with a floor that keeps three draws at the level, too.

.. [1] Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69
   (2015): the bootstrap of a mean of n has (n - 1) / n of its variance.
.. [2] Hillis, "A comparison of denominator degrees of freedom methods for multiple observer ROC
   analysis", Statistics in Medicine 26 (2007).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 0.8
REUSES = 5
"""Each resample of the prompts meets so many draws of the noise: they cost next to nothing and make
the ends of an interval steadier."""
FLOOR = 0.8
"""Draws that by luck hardly differ say little about how much draws differ: for the degrees of
freedom they count as differing by this share, at least, of what prompts explain. Two draws say so
little that the share is 1."""
DUST = 1e-12
"""Differences that are smaller, as a share of what was compared, are rounding."""


@dataclass(frozen=True)
class Luck:
    """How much the mean of an arm varies by the luck of a draw and of tuning.

    Attributes:
        draws, seeds: of the baseline, which told it.
        variance: of the mean of one draw over `seeds` seeds, beyond what prompts explain.
        square: the mean square that `variance` was told from, for the degrees of freedom.
        df: degrees of freedom of `square`.
        tuning: variance of one seed.
    """

    draws: int
    seeds: int
    variance: float
    square: float
    df: int
    tuning: float

    @classmethod
    def of(cls, values: Floats) -> Luck:
        """Take it from the draws of one arm; with a single draw, from its seeds alone."""
        draws, seeds, _ = values.shape
        x = values[:, :, np.isfinite(values).all(axis=(0, 1))]
        if x.shape[2] < 2 or draws == seeds == 1:
            return cls(draws, seeds, 0.0, 0.0, 1, 0.0)
        by_seed = [mean_squares(draw) for draw in x] if seeds > 1 else [(0.0, 0.0)]
        between, within = np.mean(by_seed, axis=0)
        tuning = max(0.0, float(between - within))
        if draws > 1:
            between, within = mean_squares(x.mean(axis=1))
        else:
            between, within = between / seeds, within / seeds
        units = draws if draws > 1 else seeds
        square = max(between, (FLOOR if units > 2 else 1.0) * within)
        variance = max(0.0, between - within)
        return cls(draws, seeds, float(variance), float(square), units - 1, tuning)

    def of_arm(self, values: Floats) -> tuple[float, float]:
        """Return the variance of an arm's mean by luck, and the mean square it was told from."""
        draws, seeds, _ = values.shape
        more = max(0.0, 1 / seeds - 1 / self.seeds) * self.tuning
        return (self.variance + more) / draws, (self.square + more) / draws


def mean_squares(x: Floats) -> tuple[float, float]:
    """Return the variance of the means of units, and the part of it that prompts explain.

    Args:
        x: shape (units, prompts), at least 2 of each; units are draws, or seeds of one draw.
    """
    units, prompts = x.shape
    means = x.mean(axis=1)
    rest = x - means[:, None] - x.mean(axis=0) + x.mean()
    within = (rest**2).sum() / ((units - 1) * (prompts - 1)) / prompts
    dust = (DUST * np.abs(x).max()) ** 2
    between = means.var(ddof=1)
    return float(between * (between > dust)), float(within * (within > dust))


@dataclass(frozen=True)
class Contrast:
    """An arm, or the difference of two.

    Attributes:
        by_prompt: float64, shape (prompts,); NaN where it has no value.
        luck, square: variance of its mean by luck, and the mean square that was told from.
    """

    by_prompt: Floats
    luck: float
    square: float

    @property
    def prompts(self) -> int:
        """Prompts that have a value."""
        return int(np.isfinite(self.by_prompt).sum())

    def less(self, other: Contrast, sign: float) -> Contrast:
        """Return the difference to another arm, times `sign`."""
        difference = sign * (self.by_prompt - other.by_prompt)
        size = np.maximum(np.abs(self.by_prompt), np.abs(other.by_prompt))
        difference[np.abs(difference) <= DUST * size] = 0
        return Contrast(difference, self.luck + other.luck, self.square + other.square)


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, its two-sided p against zero, and what could have been shown."""

    value: float
    low: float
    high: float
    p: float
    detectable: float


def estimate(contrast: Contrast, df: int, resamples: int, seed: int, level: float) -> Estimate:
    """Estimate the mean of a contrast; `df` are the degrees of freedom of its `square`."""
    from scipy.special import stdtrit

    known = np.isfinite(contrast.by_prompt)
    n = int(known.sum())
    value = float(contrast.by_prompt[known].mean())
    rest = np.where(known, contrast.by_prompt - value, 0)
    by_prompts = float((rest**2).sum() / (n - 1) / n)
    variance = by_prompts + contrast.luck
    unsure = contrast.square**2 / df + by_prompts**2 / (n - 1)
    least = min(df, n - 1)
    freedom = max(least, variance**2 / unsure) if unsure > 0 else n - 1

    weights = resampled(len(known), resamples, seed)
    taken = n if known.all() else np.maximum(weights @ known.astype(np.float32), 1)
    moved = weights @ rest.astype(np.float32) / taken
    deviations = np.repeat(moved.astype(np.float64) * np.sqrt(n / (n - 1)), REUSES)
    deviations += np.sqrt(contrast.luck) * normal(len(deviations), seed)
    size = np.random.default_rng([seed, 1]).chisquare(freedom, len(deviations))
    deviations *= np.sqrt(freedom / size)

    outside = (1 - level) / 2
    low, high = value + np.quantile(deviations, [outside, 1 - outside])
    beyond = min((value + deviations <= 0).sum(), (value + deviations >= 0).sum())
    p = min(1.0, (2 * int(beyond) + 1) / (len(deviations) + 1))
    quantiles = stdtrit(freedom, 1 - outside) + stdtrit(freedom, POWER)
    return Estimate(value, float(low), float(high), p, float(quantiles * np.sqrt(variance)))


@lru_cache(maxsize=1)
def resampled(prompts: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """How often each prompt is in each resample: shape (resamples, prompts)."""
    rng = np.random.default_rng(seed)
    times = rng.multinomial(prompts, np.full(prompts, 1 / prompts), size=resamples)
    return times.astype(np.float32)


@lru_cache(maxsize=1)
def normal(count: int, seed: int) -> Floats:
    """Return so many standard normal numbers."""
    return np.random.default_rng([seed, 2]).standard_normal(count)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Correct p values by Holm's step-down method; in the same order."""
    least, corrected = 0.0, dict(ps)
    for rank, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[name]))
        corrected[name] = least
    return corrected

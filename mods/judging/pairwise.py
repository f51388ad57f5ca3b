"""Outcomes of pairs of answers: both orders, and win rates as if both answers were equally long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mods.errors import DataError
from mods.judging.intervals import Floats


@dataclass(frozen=True)
class WinRate:
    """Share of pairs won, ties as half; 0.5 where neither is better.

    Attributes:
        plain: as judged.
        controlled: at equal length, see `at_equal_length`; outside of 0 to 1 where the answers of
            one side are so much longer that nothing is known of equal ones.
    """

    plain: float
    controlled: float


def settle(first: Floats, second: Floats) -> Floats:
    """Return the outcomes of pairs that were judged in both orders: 1 won, 0.5 tie, 0 lost.

    A verdict that is not the same in both orders is a tie, so a judge that prefers a place prefers
    nobody.

    Args:
        first: verdicts when the answer stood first: 1 where it was preferred, 0 where the other
            was, 0.5 for a tie, NaN where there is no verdict. Any shape.
        second: likewise when it stood second; also 1 where *it* was preferred.
    """
    outcomes = np.where(first == second, first, 0.5)
    outcomes[np.isnan(first) | np.isnan(second)] = np.nan
    return outcomes


def at_equal_length(outcomes: Floats, differences: Floats) -> Floats:
    """Return outcomes whose mean is the win rate at no difference in length.

    The length term is that of length-controlled AlpacaEval (Dubois et al. 2024, arXiv 2404.04475):
    tanh of the difference over its standard deviation; here it is fitted by least squares, for each
    draw and seed by itself. What is returned is the fitted value at zero plus each prompt's
    influence on it, so that the spread over prompts gives the error of the fit, too: `judge` takes
    them as it takes outcomes.

    Args:
        outcomes: 1 won, 0.5 tie, 0 lost; shape (..., prompts); NaN where there is none.
        differences: length of the answer less that of the other's, in any unit; same shape.

    Raises:
        DataError: all answers of a draw and seed are longer, or shorter, by the same length: the
            two cannot be told apart.
    """
    known = np.isfinite(outcomes) & np.isfinite(differences)
    scale = differences[known].std() if known.any() else 0.0
    if not differences[known].any():
        return np.where(known, outcomes, np.nan)
    longer = np.tanh(differences / (scale or 1.0))
    rows = np.full(outcomes.shape, np.nan)
    for cell in np.ndindex(outcomes.shape[:-1]):
        at = known[cell]
        if at.any():
            rows[cell][at] = _intercept(outcomes[cell][at], longer[cell][at])
    return rows


def _intercept(y: Floats, x: Floats) -> Floats:
    """Return the intercept of y on x plus the influence of every point on it."""
    centred = x - x.mean()
    square = (centred**2).mean()
    if square == 0:
        if x.any():
            raise DataError(
                "every answer differs in length by the same: length cannot be controlled for"
            )
        return y
    slope = (centred * y).mean() / square
    rest = y - y.mean() - slope * centred
    found: Floats = y.mean() - slope * x.mean() + rest * (1 - x.mean() * centred / square)
    return found


def win_rate(outcomes: Floats, differences: Floats) -> WinRate:
    """Return the win rate with and without control for length; arguments of `at_equal_length`."""
    if not np.isfinite(outcomes).any():
        raise DataError("no pair has an outcome")
    controlled = at_equal_length(outcomes, differences)
    return WinRate(float(np.nanmean(outcomes)), float(np.nanmean(controlled)))

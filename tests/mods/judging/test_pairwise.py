"""Pairs: a judge that prefers a place or length does not decide."""

import numpy as np
import pytest

from mods.errors import DataError
from mods.judging.pairwise import at_equal_length, settle, win_rate


def likes(score, rng):
    """Verdicts of a judge with these log odds."""
    return (rng.random(score.shape) < 1 / (1 + np.exp(-score))).astype(float)


def test_only_the_same_verdict_in_both_orders_counts():
    first = np.array([1.0, 0.0, 1.0, 0.0, 0.5, 1.0, np.nan])
    second = np.array([1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 1.0])
    np.testing.assert_array_equal(settle(first, second), [1, 0, 0.5, 0.5, 0.5, 0.5, np.nan])


def test_a_judge_that_prefers_the_first_place_prefers_nobody():
    rng = np.random.default_rng(0)
    quality = rng.standard_normal(20_000)
    first, second = likes(quality + 3, rng), likes(quality - 3, rng)
    assert first.mean() > 0.9
    assert settle(first, second).mean() == pytest.approx(0.5, abs=0.01)
    always = np.ones(5)
    np.testing.assert_array_equal(settle(always, 1 - always), np.full(5, 0.5))


@pytest.mark.parametrize(("better", "least", "most"), [(0.0, 0.48, 0.52), (1.0, 0.65, 0.75)])
def test_length_does_not_count_but_quality_does(better, least, most):
    rng = np.random.default_rng(0)
    longer = rng.standard_normal((2, 1, 20_000)) + 0.7  # by no fault of the quality
    outcomes = likes(better + np.tanh(longer), rng)
    rate = win_rate(outcomes, 100 * longer)
    assert rate.plain > rate.controlled + 0.05
    assert least < rate.controlled < most


def test_values_at_equal_length_carry_the_error_of_the_fit():
    rng = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(400):
        longer = rng.standard_normal((1, 200)) + 1.5
        values = at_equal_length(likes(np.tanh(longer), rng), longer)
        means.append(values.mean())
        errors.append(values.std(ddof=1) / 200**0.5)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.15)


def test_equal_lengths_change_nothing_and_missing_outcomes_stay_missing():
    outcomes = np.array([[1.0, np.nan, 0.5, 0.0, 1.0]])
    np.testing.assert_array_equal(at_equal_length(outcomes, np.zeros((1, 5))), outcomes)
    values = at_equal_length(outcomes, np.array([[1.0, 2.0, -1.0, 0.0, 3.0]]))
    np.testing.assert_array_equal(np.isnan(values), np.isnan(outcomes))


def test_lengths_that_cannot_be_told_from_the_outcome_are_an_error():
    with pytest.raises(DataError, match="length"):
        at_equal_length(np.array([1.0, 0.0, 1.0]), np.full(3, 20.0))
    with pytest.raises(DataError, match="no pair"):
        win_rate(np.full(3, np.nan), np.zeros(3))

"""What intervals are made of, held against what is known in closed form."""

import numpy as np
import pytest
from scipy import stats

from mods.judging.intervals import Contrast, Luck, estimate, holm, mean_squares


def test_holm_steps_down_and_never_falls():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_prompts_alone_give_the_interval_and_the_p_of_a_paired_t_test():
    x = np.random.default_rng(1).standard_normal(40) + 0.2
    found = estimate(Contrast(x, 0.0, 0.0), 2, 5000, 0, 0.95)
    exact = stats.ttest_1samp(x, 0)
    low, high = exact.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.1 * (high - low))
    assert found.p == pytest.approx(exact.pvalue, abs=0.01)
    half = stats.t.ppf([0.975, 0.8], 39).sum() * stats.sem(x)
    assert found.detectable == pytest.approx(half)


def test_draws_alone_give_the_interval_of_their_t_test():
    x = np.zeros(40) + 1.0
    found = estimate(Contrast(x, 0.3**2, 0.3**2), 2, 5000, 0, 0.95)
    assert found.high - 1 == pytest.approx(stats.t.ppf(0.975, 2) * 0.3, rel=0.07)
    assert 1 - found.low == pytest.approx(stats.t.ppf(0.975, 2) * 0.3, rel=0.07)


def test_luck_is_the_variance_of_draws_beyond_what_prompts_explain():
    rng = np.random.default_rng(0)
    shape = (400, 1, 100)
    prompts = rng.standard_normal(100)
    noise = rng.standard_normal(shape)
    assert Luck.of(prompts + noise).variance < 0.003  # and not 1 / 100
    luck = Luck.of(prompts + noise + 0.3 * rng.standard_normal((400, 1, 1)))
    assert luck.variance == pytest.approx(0.09, rel=0.2)
    assert luck.df == 399
    between, within = mean_squares((prompts + noise)[:, 0])
    assert (between, within) == pytest.approx((0.01, 0.01), rel=0.2)


def test_degrees_of_freedom_never_fall_below_those_of_the_draws():
    x = np.linspace(-1, 1, 40) / 100 + 1
    found = estimate(Contrast(x, 0.0, 1.0), 2, 1000, 0, 0.95)
    assert found.high - found.low < 4.3 * 4 * x.std() / 40**0.5

"""The three words: when each is said, when none can be, and how often they are wrong."""

import re

import numpy as np
import pytest
from support.verdicts import trial

from mods.errors import DataError, SettingsError
from mods.judging.statistics import judge


def word(effects, better="higher", **options):
    return judge(trial(effects, **options), better=better).word


@pytest.mark.parametrize(
    ("selection", "longest", "expected"),
    [
        (0.2, 0.0, "helped"),
        (0.2, 0.2, "helped"),
        (0.2, 0.5, "no evidence"),
        (0.0, -0.5, "no evidence"),
        (-0.2, -0.5, "hurt"),
    ],
)
def test_helped_is_better_than_random_and_not_worse_than_longest(selection, longest, expected):
    effects = {"selection": selection, "random": 0.0, "longest": longest}
    assert word(effects) == expected
    lower = {arm: -effect for arm, effect in effects.items()}
    assert word(lower, better="lower") == expected


def test_the_reason_tells_what_could_have_been_shown_and_that_this_is_usual():
    judged = judge(trial({"selection": 0.0, "random": 0.0, "longest": 0.0}), better="higher")
    assert judged.word == "no evidence"
    assert "usual" in judged.reason
    assert f"{judged.comparisons[0].detectable:.3g}" in judged.reason
    assert "random" in judged.reason


def test_effects_are_signed_for_the_subject_and_means_are_in_the_unit_of_the_measure():
    values = trial({"selection": -0.2, "random": 0.0, "longest": -0.1}, luck=0.0)
    judged = judge(values, better="lower")
    by_arm = {c.against: c for c in judged.comparisons}
    assert by_arm["random"].effect == pytest.approx(0.2, abs=0.03)
    assert by_arm["longest"].effect == pytest.approx(0.1, abs=0.03)
    assert judged.means["selection"] == pytest.approx(values["selection"].mean())
    assert judged.means["random"] - judged.means["selection"] == pytest.approx(
        by_arm["random"].effect
    )
    (longest,) = judged.others
    assert (longest.arm, longest.against) == ("longest", "random")
    assert longest.effect == pytest.approx(by_arm["random"].effect - by_arm["longest"].effect)
    for arm, (low, high) in judged.intervals.items():
        assert low < judged.means[arm] < high


def test_the_same_seed_gives_the_same_and_a_further_arm_changes_no_other_interval():
    effects = {"selection": 0.02, "random": 0.0, "longest": 0.0}
    values = trial(effects)
    first, again = judge(values, better="higher"), judge(values, better="higher")
    assert first == again
    assert judge(values, better="higher", seed=1).comparisons != first.comparisons
    more = judge({**values, "quality": values["longest"] + 0.1}, better="higher")
    assert more.intervals["selection"] == first.intervals["selection"]
    assert [(c.low, c.high, c.p) for c in more.comparisons[:2]] == [
        (c.low, c.high, c.p) for c in first.comparisons
    ]


def test_few_draws_widen_the_interval_as_students_t_does():
    effects = {"selection": 0.0, "random": 0.0}
    widths = {}
    for draws in (3, 30):
        made = [
            judge(trial(effects, draws=draws, luck=0.2, noise=0.01, seed=seed), better="higher")
            for seed in range(20)
        ]
        widths[draws] = np.median([j.comparisons[0].high - j.comparisons[0].low for j in made])
    # t with 2 and 29 degrees of freedom; one draw is compared with the mean of the others
    assert widths[3] > 1.7 * widths[30]
    assert widths[30] == pytest.approx(2 * 2.05 * 0.2 * (1 + 1 / 30) ** 0.5, rel=0.2)


def test_an_arm_of_fewer_seeds_has_the_luck_of_its_seeds_added():
    rng = np.random.default_rng(0)
    prompts = rng.standard_normal(300)
    tuning = rng.standard_normal((5, 4, 1)) * 0.1
    values = {
        "selection": prompts + np.zeros((1, 4, 1)),
        "random": prompts + tuning + 0.001 * rng.standard_normal((5, 4, 300)),
    }
    one_seed = {**values, "selection": values["selection"][:, :1]}
    wide, narrow = (
        c.high - c.low
        for c in (judge(v, better="higher").comparisons[0] for v in (one_seed, values))
    )
    assert wide > 1.4 * narrow


def test_one_random_draw_shows_nothing_and_says_why():
    effects = {"selection": 0.5, "random": 0.0}
    judged = judge(trial(effects, draws=1, seeds=1), better="higher")
    assert judged.word == "no evidence"
    assert "only one random draw" in judged.reason
    assert "tuning seed" in judged.reason
    assert np.isnan(judged.comparisons[0].detectable)
    assert "tuning seed" not in judge(trial(effects, draws=1), better="higher").reason


def test_two_draws_and_one_seed_still_find_what_is_plain():
    effects = {"selection": 3.0, "random": 0.0}
    assert word(effects, draws=2, seeds=1) == "helped"


def test_no_longest_arm_is_said():
    judged = judge(trial({"selection": 0.3, "random": 0.0}), better="higher")
    assert judged.word == "helped"
    assert "no longest arm" in judged.reason


def test_prompts_that_could_not_be_judged_leave_every_pair_they_are_in():
    values = trial({"selection": 0.2, "random": 0.0, "longest": 0.0, "quality": 0.0})
    values["selection"][0, 1, :20] = np.nan
    values["random"][2, 0, 10:30] = np.nan
    values["longest"][0, 0, 200:] = np.nan
    values["quality"][:] = np.nan
    judged = judge(values, better="higher")
    assert {c.against: c.prompts for c in judged.comparisons} == {"random": 222, "longest": 180}
    assert judged.word == "helped"
    assert "too few prompts could be judged of quality" in judged.reason
    assert "quality" not in judged.means
    assert np.isfinite([judged.comparisons[0].low, judged.comparisons[0].high]).all()


def test_arms_that_are_equal_are_not_told_apart_by_rounding():
    x = np.full((1, 3, 40), 0.1)
    judged = judge({"selection": x, "random": np.full((3, 3, 40), 0.1)}, better="higher")
    assert judged.word == "no evidence"
    assert (judged.comparisons[0].effect, judged.comparisons[0].p) == (0, 1)


def test_a_difference_without_any_variance_is_one():
    judged = judge(
        {"selection": np.ones((1, 3, 40)), "random": np.zeros((3, 3, 40))}, better="lower"
    )
    assert judged.word == "hurt"
    assert judged.comparisons[0].low == judged.comparisons[0].high == -1


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"random": None}, SettingsError, "no arm 'random'"),
        ({"selection": None}, SettingsError, "no arm 'selection'"),
        ({"longest": np.zeros((1, 3, 7))}, DataError, "longest"),
        ({"longest": np.zeros((3, 252))}, DataError, "longest"),
        ({"longest": np.full((1, 3, 252), np.inf)}, DataError, "infinite"),
        ({"random": np.full((3, 3, 252), np.nan)}, DataError, "0 prompts"),
    ],
)
def test_what_cannot_be_judged_is_an_error_that_names_the_arm(change, error, said):
    values = {**trial({"selection": 0.0, "random": 0.0, "longest": 0.0}), **change}
    with pytest.raises(error, match=re.escape(said)):
        judge({arm: x for arm, x in values.items() if x is not None}, better="higher")


def test_too_few_prompts_are_an_error():
    with pytest.raises(DataError, match="4 prompts"):
        judge(trial({"selection": 0.0, "random": 0.0}, prompts=4), better="higher")


@pytest.mark.parametrize(("draws", "seeds"), [(2, 1), (3, 1), (5, 3)])
@pytest.mark.parametrize("luck", [0.02, 0.1])
def test_a_random_draw_as_selection_helps_or_hurts_in_few_trials(draws, seeds, luck):
    """200 trials of a true rate of 5 % have more than 20 with a probability of 0.1 %."""
    effects = {"selection": 0.0, "random": 0.0}
    wrong = 0
    for number in range(200):
        values = trial(effects, 80, draws, seeds, luck=luck, seed=number)
        wrong += judge(values, better="higher", resamples=400).word != "no evidence"
    assert wrong <= 20


@pytest.mark.parametrize("luck", [0.02, 0.1])
def test_an_effect_that_is_called_detectable_is_found_in_80_percent(luck):
    """200 trials of a true rate of 80 % have fewer than 143 with a probability of 0.2 %."""
    found = 0
    for number in range(200):
        values = trial({"selection": 0.0, "random": 0.0}, 80, luck=luck, seed=number)
        detectable = judge(values, better="higher", resamples=400).comparisons[0].detectable
        values["selection"] = values["selection"] + detectable
        found += judge(values, better="higher", resamples=400).word == "helped"
    assert found >= 143

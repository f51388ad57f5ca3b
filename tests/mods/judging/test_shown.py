"""What page, table and picture share: order of sets and measures, how numbers are written."""

import pytest

from mods.judging.shown import effect, measures_of, number, sets_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (2.0, "2.00"),
        (-0.01234, "-0.0123"),
        (12345.6, "12,346"),
        (30, "30"),
    ],
)
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def test_an_effect_shows_its_sign_and_what_is_missing_is_a_dash():
    assert effect({"effect": 0.5, "low": -0.1, "high": 1.1}) == "+0.500 (-0.100 to +1.10)"
    assert effect(None) == effect({"effect": None}) == "–"


def test_all_sets_come_first_and_a_single_set_once():
    assert list(sets_of({"by_set": {"a": 1, "b": 2, "all": 3}})) == ["all", "a", "b"]
    assert list(sets_of({"by_set": {"a": 1, "all": 1}})) == ["a"]
    assert list(sets_of({"by_set": {"all": 1}})) == ["all"]


def test_the_measure_that_decides_comes_first():
    measures = {"length": 1, "loss": 2, "reward": 3}
    found = [name for name, _ in measures_of({"primary": "loss", "measures": measures})]
    assert found == ["loss", "length", "reward"]

"""Thresholds: numbers, shares and counts, of either side."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mods import SettingsError
from mods.settings.threshold import Threshold

SCORES = np.array([0.1, 0.9, 0.5, 0.5, -1.0])


def passing(text, side, setting):
    mask, cut = Threshold.parse(text, setting=setting, side=side).passing(SCORES)
    return np.flatnonzero(mask).tolist(), cut


@pytest.mark.parametrize(
    ("text", "rows", "cut"),
    [
        ("0.5", [1], 0.5),
        (0.4, [1, 2, 3], 0.4),
        ("top 40%", [1, 2], 0.5),
        ("top 3", [1, 2, 3], 0.5),
        ("TOP 100%", [0, 1, 2, 3, 4], -1.0),
        ("top 5000", [0, 1, 2, 3, 4], -1.0),
    ],
)
def test_alpha_keeps_what_is_above_or_best(text, rows, cut):
    assert passing(text, "top", "alpha") == (rows, cut)


@pytest.mark.parametrize(
    ("text", "rows", "cut"),
    [("0.1", [4], 0.1), ("bottom 40%", [0, 4], 0.1), ("bottom 3", [0, 2, 4], 0.5)],
)
def test_beta_keeps_what_is_below_or_worst(text, rows, cut):
    assert passing(text, "bottom", "beta") == (rows, cut)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("high", "`alpha` takes a number (0.5), a share ('top 30%') or a count ('top 5000')"),
        ("top 0%", "a share lies above 0"),
        ("top 130%", "up to 100 %"),
        ("top 1.5", "a whole number"),
        ("nan", "must be finite"),
        ("bottom 30%", "write 'top 30%'"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_with_the_remedy(text, message):
    with pytest.raises(SettingsError) as error:
        Threshold.parse(text, setting="alpha", side="top")
    assert message in str(error.value)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.integers(1, 40))
def test_a_count_passes_exactly_that_many_and_never_a_worse_row(scores, count):
    mask, cut = Threshold("top", count, "rows").passing(np.array(scores))
    assert mask.sum() == min(count, len(scores))
    assert all(s >= cut for s in np.array(scores)[mask])
    assert all(s <= cut for s in np.array(scores)[~mask])


def test_a_count_beyond_every_number_is_refused():
    with pytest.raises(SettingsError, match=r"`alpha`: '9+' is not a number"):
        Threshold.parse(f"top {'9' * 400}", setting="alpha", side="top")

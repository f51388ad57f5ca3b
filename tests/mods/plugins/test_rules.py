"""Every rule that a result can break, broken; the error names the plug-in and the rule."""

import numpy as np
import pytest

from mods import Budget, Picks, PluginError, Pool, Record, Unscorable
from mods.plugins.rules import (
    checked_answers,
    checked_counts,
    checked_picks,
    checked_scores,
    checked_vectors,
)

WIDE = np.ones((2, 3), dtype=np.float32)
FIXED = np.array([0])
POOL = Pool([Record.from_instruction("a", "b")] * 5, tokens=np.array([9, 4, 3, 6, 1]))


def picks(*indices, radii=None):
    return Picks(np.array(indices, dtype=np.int64), radii)


@pytest.mark.parametrize(
    ("check", "value", "rule"),
    [
        (checked_scores, [1.0], "returned 1 scores for 2 records"),
        (checked_scores, [float("nan"), 1.0], "scores must be finite"),
        (checked_scores, [10**400, 1.0], "scores must be finite"),
        (checked_scores, ["good", "bad"], "expected a float"),
        (checked_scores, [True, False], "expected a float"),
        (checked_scores, [Unscorable(3), 1.0], "expected a text"),
        (checked_scores, 1.0, "expected one float per record"),
        (checked_scores, "ab", "expected one float per record"),
        (checked_scores, np.ones((2, 1)), "shape (2, 1)"),
        (checked_answers, "ab", "one text per conversation"),
        (checked_answers, ["one"], "one text per conversation"),
        (checked_answers, ["one", None], "None (NoneType) as an answer"),
        (checked_counts, [1], "one number of tokens per record"),
        (checked_counts, [1, -1], "returned -1 tokens"),
        (checked_counts, [1, True], "returned True tokens"),
        (checked_counts, [1, 1.5], "returned 1.5 tokens"),
        (checked_vectors, [[1.0], [2.0]], "returned list"),
        (checked_vectors, WIDE[:1], "returned shape (1, 3)"),
        (checked_vectors, WIDE[:, :0], "returned shape (2, 0)"),
        (checked_vectors, WIDE.astype(np.float64), "dtype float64"),
        (checked_vectors, WIDE * [[1], [np.inf]] * np.float32(1), "expected float32"),
        (checked_vectors, np.array([[1], [np.nan]], np.float32), "NaN or infinity in row 1"),
    ],
)
def test_a_result_that_breaks_a_rule_names_the_plugin_and_the_rule(check, value, rule):
    with pytest.raises(PluginError) as error:
        check(value, 2, "plug-in 'x'")
    assert str(error.value).startswith("plug-in 'x' ")
    assert rule in str(error.value)


def test_the_width_of_vectors_must_not_change():
    with pytest.raises(PluginError, match="3 columns after 4 before"):
        checked_vectors(WIDE, 2, "plug-in 'x'", width=4)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([1, 2], "returned list"),
        (Picks(np.array([1.0, 2.0])), "picks of dtype float64"),
        (picks(1, 2, 3), "picked 3 rows; expected at most 2"),
        (picks(1, 5), "outside 0..4"),
        (picks(-1), "outside 0..4"),
        (picks(1, 1), "a row twice"),
        (picks(0, 1), "fixed centre already"),
        (picks(1, 2, radii=np.ones(1)), "1 radii for 2 picks"),
    ],
)
def test_picks_that_break_a_rule_name_the_plugin_and_the_rule(value, rule):
    with pytest.raises(PluginError) as error:
        checked_picks(value, POOL, Budget(2), FIXED, "plug-in 'x'")
    assert rule in str(error.value)


def test_results_that_keep_the_rules_come_back_as_they_are():
    scores = checked_scores(np.array([1, 2]), 2, "x")
    assert scores == [1.0, 2.0]
    assert {type(score) for score in scores} == {float}
    assert checked_answers(["", Unscorable("why")], 2, "x") == ["", Unscorable("why")]
    assert checked_counts(np.array([0, 7]), 2, "x") == [0, 7]
    assert checked_picks(picks(2, 1), POOL, Budget(2), FIXED, "x").indices.tolist() == [2, 1]


def test_every_row_that_alone_exceeds_what_is_left_is_told_of():
    told = Picks(np.array([1, 4]), passed={3: 5})
    passed = checked_picks(told, POOL, Budget(5, tokens=7), FIXED, "x").passed
    assert passed == {2: 2, 3: 5}  # of row 2 the selector tells nothing: what was left at the end
    with pytest.raises(PluginError, match="picked rows of 7 tokens; expected at most 6"):
        checked_picks(picks(1, 2), POOL, Budget(5, tokens=6), FIXED, "x")

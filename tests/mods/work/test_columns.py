"""Columns of results: what is kept comes back as it was."""

import numpy as np
import pytest

from mods import PluginError, Unscorable
from mods.work.columns import ANSWERS, COUNTS, SCORES, stacked, vectors


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (SCORES, -0.0),
        (SCORES, 5e-324),
        (SCORES, Unscorable("a lone \ud800 surrogate")),
        (ANSWERS, ""),
        (ANSWERS, "t\ud800"),
        (ANSWERS, "unscorable: says the answer"),
        (ANSWERS, Unscorable("")),
        (COUNTS, 0),
        (COUNTS, 2**40),
    ],
)
def test_what_is_kept_comes_back_as_it_was(column, value):
    again = column.decode(column.encode(value))
    assert (repr(again), type(again)) == (repr(value), type(value))


def test_bytes_that_no_answer_has_are_refused():
    with pytest.raises(ValueError, match="no answer starts with"):
        ANSWERS.decode(b"x")


def test_vectors_come_back_bit_for_bit_and_are_all_as_wide_as_the_first():
    column = vectors()
    given = np.array([[1.5, -0.0], [1e-45, 3]], dtype=np.float32)
    kept = [column.decode(column.encode(row)) for row in column.check(given, 2, "x")]
    assert stacked(kept, "x").tobytes() == given.tobytes()
    with pytest.raises(PluginError, match="3 columns after 2 before"):
        column.check(np.ones((1, 3), dtype=np.float32), 1, "x")


def test_cached_vectors_of_another_width_name_the_remedy():
    with pytest.raises(PluginError, match=r"plug-in 'x' returned .* \[2, 3\].*identity\(\) must"):
        stacked([np.ones(2, np.float32), np.ones(3, np.float32)], "plug-in 'x'")

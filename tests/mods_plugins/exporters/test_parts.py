"""What is learned, what is carried over, and why a row is refused."""

import pytest
from support.exports import CROSSED, FULL, HALF, INLINE, SEEING, UNLEARNED, UNMARKED, UNRULY
from support.turns import MULTI_TURN

from mods import Message, Record, SettingsError
from mods.settings.options import Tuning
from mods_plugins.exporters.parts import (
    Refusal,
    arguments_of,
    check_results,
    learned,
    media_columns,
    refuse_odd,
    turns_of,
)


def test_what_is_learned_is_what_the_tuning_learns():
    assert learned(MULTI_TURN, "last") == [False] * 4 + [True]
    assert learned(MULTI_TURN, "all") == [False, False, True, False, True]
    assert learned(FULL, "all") == [False, False, True, False, False, False, True]
    same = Message("assistant", "b")
    twice = Record.from_turns([Message("user", "a"), same, Message("user", "a"), same], "a")
    assert learned(twice, "last") == [False, False, False, True]
    assert turns_of(None, Tuning(turns="all")) == "all"
    assert turns_of("last", Tuning(turns="all")) == "last"
    with pytest.raises(SettingsError, match="expected last or all"):
        turns_of("first", None)


@pytest.mark.parametrize(
    ("work", "record", "reason"),
    [
        (lambda r: learned(r, "last"), HALF, "weight 0.5"),
        (lambda r: learned(r, "last"), UNLEARNED, "nothing would be learned"),
        (media_columns, UNMARKED, "does not mark where its media stand"),
        (media_columns, INLINE, "stands in the row itself"),
        (refuse_odd, UNRULY, "role 'critic'"),
        (check_results, CROSSED, "not in the order of the calls"),
        (lambda r: arguments_of("[1]"), FULL, "no JSON object"),
    ],
)
def test_what_has_no_place_is_refused_with_its_reason(work, record, reason):
    with pytest.raises(Refusal, match=reason):
        work(record)


def test_media_that_the_text_marks_are_columns():
    assert media_columns(SEEING) == {"images": ["a.png"]}
    assert media_columns(FULL) == {}
    check_results(FULL)

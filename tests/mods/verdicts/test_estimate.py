"""What is left of a verdict, and how long it may take, before anything is paid for."""

import json

import pytest
from support.toy_verdicts import judging

from mods.verdicts.estimate import Left


@pytest.fixture
def left(toy_folder, mods):
    def make(*more):
        return json.loads(mods(*judging("verdict", *more, "--dry-run", "--json")).stdout)["left"]

    return make


def test_what_is_in_the_cache_is_not_left(left, mods, toy_folder):
    before = left()
    assert before["counts"] == {"tuning": 5, "answers": 60, "losses": 60}
    mods(*judging())
    after = left()
    assert (after["counts"], after["seconds"]) == ({"tuning": 0, "answers": 0, "losses": 0}, 0)
    more = left("--tuning-seeds", "1", "--arms", "longest")
    assert more["counts"] == {"tuning": 1, "answers": 12, "losses": 12}
    assert more["seconds"] >= 0
    told = mods(*judging("verdict", "--dry-run")).output
    assert told.splitlines()[-1] == "left      nothing: all is in the cache"


def test_an_unknown_pace_is_said_and_not_guessed():
    left = Left({"tuning": 2, "answers": 10}, {"tuning": 60.0})
    assert (left.seconds, left.unknown) == (120, ["answers"])
    left.rates["answers"] = 1.5
    assert (left.seconds, left.unknown) == (135, [])

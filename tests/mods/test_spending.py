"""What plug-ins say they spend."""

import time

import pytest

from mods import loading, spent
from mods.spending import spending


def test_tokens_devices_and_loading_are_collected_innermost_and_once(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    with spending() as outer, spending() as told:
        with loading(), loading():
            pass
        spent(10)
        spent(20, "cuda:1")
    assert (told.tokens, told.loading, told.accelerated) == (30, 1.0, True)
    assert (outer.tokens, outer.loading, outer.accelerated) == (0, 0.0, False)


def test_the_pace_is_that_between_the_first_batch_and_the_last(monkeypatch):
    clock = iter([50.0, 52.0, 58.0])  # the first one took long: it warmed up
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with spending() as told:
        assert told.pace is None
        spent(100)
        assert told.pace is None
        spent(10)
        spent(30)
    assert told.pace == pytest.approx(8 / 40)


def test_outside_of_a_run_nothing_is_collected_and_nothing_fails():
    spent(10)

    @loading()
    def load():
        return 3

    assert load() == 3

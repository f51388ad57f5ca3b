import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from mods_plugins.openai.pace import FIRST, LONGEST, Pace, asked_to_wait, pause


def test_it_climbs_to_the_most_while_all_goes_well():
    pace = Pace(20)
    assert pace.room == FIRST
    for _ in range(50):
        pace.went_well()
    assert pace.room == 20


def test_it_halves_once_for_requests_that_were_sent_together_and_then_climbs_slowly():
    pace, sent = Pace(64), time.monotonic()
    for _ in range(56):
        pace.went_well()
    for _ in range(10):
        pace.too_much(sent, None)
    assert pace.room == 32
    for _ in range(33):
        pace.went_well()
    assert pace.room == 33
    pace.too_much(time.monotonic(), None)
    assert pace.room == 16


def test_there_is_always_room_for_one():
    pace = Pace(1)
    for _ in range(3):
        pace.too_much(time.monotonic(), 5.0)
    assert pace.room == 1
    assert pace.resume_at > time.monotonic()


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("2", 2, 2), ("0.5", 0.5, 0.5), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0)],
)
def test_what_a_server_asks_for_in_seconds_or_as_a_date(text, least, most):
    assert least <= asked_to_wait({"retry-after": text}) <= most


def test_a_date_to_come_is_waited_for():
    then = datetime.now(timezone.utc) + timedelta(seconds=100)
    assert 90 < asked_to_wait({"retry-after": format_datetime(then)}) <= 100


@pytest.mark.parametrize("text", ["", "soon", "-3", "1e999", "²"])
def test_what_is_neither_is_no_wish(text):
    assert asked_to_wait({"retry-after": text}) is None


def test_pauses_grow_to_a_limit():
    assert pause(1) < pause(8)
    assert pause(1000) <= LONGEST

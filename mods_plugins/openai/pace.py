"""How fast a server is asked: how many requests at once, and how long to wait after a failure."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

FIRST = 8
"""Requests under way at the start; double a round until the server first says it is too much."""
SHORTEST, LONGEST = 0.5, 60.0
"""Seconds between two tries, unless the server says how long."""


class Pace:
    """How many requests may be under way: one more a round while all goes well, else half.

    The rule is that of TCP (additive increase, multiplicative decrease). A request that was sent
    before the last decrease says nothing new. It outlives a call, so that the next starts where
    the last one was.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = float(min(FIRST, most))
        self._climbing = True
        self._lowered = float("-inf")
        self.resume_at = float("-inf")
        """No request goes out before this time of the monotonic clock."""

    @property
    def room(self) -> int:
        """Requests that may be under way at once, 1 or more."""
        return int(self._room)

    def went_well(self) -> None:
        """Count an answer."""
        more = 1.0 if self._climbing else 1.0 / self._room
        self._room = min(float(self._most), self._room + more)

    def too_much(self, sent: float, wait: float | None) -> None:
        """Count a request, sent at a time of the monotonic clock, that the server had no room for.

        `wait` are the seconds it asked to be left alone, if it did.
        """
        now = time.monotonic()
        if wait is not None:
            self.resume_at = max(self.resume_at, now + wait)
        if sent > self._lowered:
            self._room, self._climbing, self._lowered = max(1.0, self._room / 2), False, now


def pause(tried: int) -> float:
    """Return the seconds to wait after so many tries: twice as long each time, spread at random."""
    longest = min(LONGEST, SHORTEST * 2**tried)
    return random.uniform(longest / 2, longest)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (`Retry-After`: a number or a date), if any."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdigit() else _until(text)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())

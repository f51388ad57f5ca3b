"""How much a chat template may do: characters, steps, and what an operation would cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

from jinja2 import TemplateError

LEAST_CHARACTERS = 2_000_000
"""Characters that any template may write, and any value in it may have."""
CHARACTERS_PER_CHARACTER = 20
"""How many more for each character of the conversation."""
LEAST_STEPS = 300_000
"""Rounds of loops, calls and operations that any template may take."""
STEPS_PER_CHARACTER = 50
CHARACTERS_PER_STEP = 256
"""Building so many characters counts as one more step."""
LARGEST_NUMBER = 100_000
"""As an argument or an exponent's base: widths and counts beyond it are no part of a chat."""
LARGEST_POWER = 64

_WIDE = re.compile(r"\d{5,}|%[-+ #0]*\*")
"""What makes a format write very much."""
_FORMATS = ("format", "format_map")


class OverBudget(TemplateError):
    """A template that writes too much or takes too many steps."""


@dataclass
class Budget:
    """What is left to one rendering."""

    characters: int = LEAST_CHARACTERS
    """Of any one value."""
    steps: int = LEAST_STEPS
    written: int = LEAST_CHARACTERS
    """Of the whole text."""

    @classmethod
    def of(cls, size: int) -> Budget:
        """Return the budget for a conversation of so many characters."""
        characters = LEAST_CHARACTERS + CHARACTERS_PER_CHARACTER * size
        return cls(characters, LEAST_STEPS + STEPS_PER_CHARACTER * size, characters)

    def spend(self, characters: int = 0) -> None:
        """Take a step that builds a value of so many characters or items."""
        if characters > self.characters:
            raise OverBudget(f"it builds a value of more than {self.characters:,} characters")
        self.steps -= 1 + characters // CHARACTERS_PER_STEP
        if self.steps < 0:
            raise OverBudget("it takes too many steps: does it loop without end?")

    def write(self, characters: int) -> None:
        """Count characters of the text."""
        self.written -= characters
        if self.written < 0:
            raise OverBudget("it writes too much: does it loop without end?")


_budget: ContextVar[Budget | None] = ContextVar("render budget", default=None)


def current() -> Budget:
    """The budget of the rendering under way; a fresh one while a template is compiled."""
    return _budget.get() or Budget()


@contextmanager
def budgeted(size: int) -> Iterator[None]:
    """Render within the budget of a conversation of so many characters."""
    token = _budget.set(Budget.of(size))
    try:
        yield
    finally:
        _budget.reset(token)


def counted(work: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter count what it is given and what it makes."""

    @wraps(work)
    def counting(*arguments: Any, **named: Any) -> Any:
        for value in (*arguments, *named.values()):
            check_number(value)
        current().spend(sum(weight(value) for value in arguments))
        name = getattr(work, "__name__", "")
        if name == "do_replace" and len(arguments) > 3:
            current().spend(size_replaced(str(arguments[1]), *map(str, arguments[2:4])))
        if name == "do_format" and arguments and _WIDE.search(str(arguments[0])):
            raise OverBudget("it formats with a very large width")
        result = work(*arguments, **named)
        current().spend(weight(result))
        return result

    return counting


def weight(value: Any) -> int:
    """Return about how many characters a value has as text, no more than matter."""
    most, total, open_values = current().characters + 1, 0, [value]
    while open_values and total < most:
        value = open_values.pop()
        if isinstance(value, (str, bytes)):
            total += len(value)
        elif isinstance(value, dict):
            total += 4 * len(value)
            open_values += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set)):
            total += 2 + 2 * len(value)
            open_values += value
        else:
            total += 1
    return total


def check_number(value: Any) -> None:
    """Refuse a number that could make something very large."""
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise OverBudget(f"it calls something with the number {str(value)[:20]}")


def size_replaced(text: str, old: str, new: str) -> int:
    """Return how long a text becomes when something in it is replaced."""
    return len(text) + text.count(old) * len(new)


def size_of_operation(operator: str, left: Any, right: Any) -> int:
    """Return the size of the result; `OverBudget` where it has none worth having."""
    sized = (str, list, tuple)
    if operator == "+" and isinstance(left, sized) and isinstance(right, sized):
        return len(left) + len(right)
    if operator == "*":
        for value, times in ((left, right), (right, left)):
            if isinstance(value, sized) and isinstance(times, int):
                return len(value) * max(0, times)
        return sum(n.bit_length() for n in (left, right) if isinstance(n, int))
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        check_number(left)
        if right > LARGEST_POWER:
            raise OverBudget("it computes a very large power")
    if operator == "%" and isinstance(left, str):
        if _WIDE.search(left):
            raise OverBudget("it formats with a very large width")
        return len(left) + weight(right)
    return 0


def size_of_call(called: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> int:
    """Return the size of what a call makes, as far as it can be told before."""
    for value in (*arguments, *named.values()):
        check_number(value)
    method = getattr(called, "__wrapped__", called)
    text, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not isinstance(text, str):
        return 0
    if name in _FORMATS and _WIDE.search(text):
        raise OverBudget("it formats with a very large width")
    if name == "replace" and len(arguments) > 1:
        return size_replaced(text, str(arguments[0]), str(arguments[1]))
    if name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
        return len(text) * len(arguments[0]) + weight(arguments[0])
    return len(text)

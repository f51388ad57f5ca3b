"""Answers that are right or wrong by a rule: a number, a choice, a pattern, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mods import Evidence, Record, SettingsError, Unscorable, hookimpl
from mods.interfaces import ANSWERS
from mods.interfaces.trials import Scale
from mods_plugins.thoughts import answer_of

if TYPE_CHECKING:
    import regex

    from mods.interfaces import Register

SECONDS = 1.0
"""A pattern that takes longer on one answer is given up: patterns come with data."""
NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?:/\d+)?")
TOLD = re.compile(r"(?i:answer|choice|option)\b\s*(?i:is|:|=)*\s*[*_\"'(\[]*([A-J])\b(?!['’])")
AHEAD = re.compile(r"\s*[*_(\[]*([A-J])[*_]*(?:[.):\]]|\s*\n|\s*$)")
FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


class Checkable:
    """Whether an answer is right, by a rule.

    A prompt says how it is checked in the fields `check` (`number`, `choice`, `regex` or `json`)
    and `expected`; where it has no `check`, the option `rule` holds, and where it has no
    `expected`, its reference. Without a rule, a prompt has no number.

    - `number`: the last number of the answer is that of what is expected (`1,200` is `1200.0`).
    - `choice`: the letter A to J that the answer names last after "answer", "choice" or "option";
      else the one that it begins with, as in "B.", "(B)" or "B" on a line of its own.
    - `regex`: the pattern (`expected`, or the option `pattern`) is found in the answer.
    - `json`: the answer, or its only block of code, is JSON; with something expected, the same.

    Thoughts before the answer are left out.
    """

    needs = (ANSWERS,)
    fields = ("check", "expected")
    words = "answers that are right by rule"
    chunk_size = 1024

    def __init__(self, *, rule: str | None = None, pattern: str | None = None) -> None:
        rule = rule or (None if pattern is None else "regex")
        if rule is not None and rule not in RULES:
            raise SettingsError(f"`rule` {rule!r} is unknown; use {', '.join(RULES)}")
        self.rule, self.pattern = rule, pattern

    def identity(self) -> dict[str, Any]:
        """Return the options."""
        return {"rule": self.rule, "pattern": self.pattern}

    def scale(self) -> Scale:
        """Return the share that is right, from 0 to 1."""
        return Scale("share right", "higher", (0.0, 1.0))

    def measures(self, prompt: Record) -> bool:
        """Say whether a prompt can be checked: it has a rule, and what the rule needs."""
        return not isinstance(self.check_of(prompt), str)

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> list[float | Unscorable]:
        """Return 1 for a right answer, 0 for a wrong one, shape (len(prompts),)."""
        pairs = zip(prompts, evidence.answers, strict=True)
        return [self._right(prompt, answer_of(answer)) for prompt, answer in pairs]

    def _right(self, prompt: Record, answer: str) -> float | Unscorable:
        found = self.check_of(prompt)
        if isinstance(found, str):
            return Unscorable(found)
        rule, expected = found
        try:
            return float(RULES[rule](answer, expected))
        except TimeoutError:
            return Unscorable(f"the pattern {expected!r} takes more than {SECONDS:g} s")

    def check_of(self, prompt: Record) -> tuple[str, Any] | str:
        """Return rule and expected value of a prompt, or why there are none."""
        raw: Mapping[str, Any] = prompt.raw
        rule = raw.get("check") or self.rule
        if rule is None:
            return "the prompt has no field `check`, and no `rule` was given"
        if rule not in RULES:
            return f"`check` {rule!r} is unknown; there are {', '.join(RULES)}"
        expected = raw.get("expected")
        if expected is None and rule == "regex":
            expected = self.pattern
        if expected is None:
            expected = prompt.response or None
        return usable(rule, expected)


def usable(rule: str, expected: Any) -> tuple[str, Any] | str:
    """Return rule and what is expected, in the rule's own form; or why it cannot be used."""
    if rule == "json":
        value = expected if not isinstance(expected, str) else read_json(expected)
        return rule, None if value is NO_JSON else value
    if expected is None:
        return f"nothing to check the {rule} by"
    text = str(expected)
    if rule == "number":
        number = last_number(text)
        return "the expected value holds no number" if number is None else (rule, number)
    if rule == "choice":
        letter = choice_of(text)
        return "the expected value names no choice" if letter is None else (rule, letter)
    import regex

    try:
        return rule, regex.compile(text)
    except regex.error as error:
        return f"the pattern {text!r} is none: {error}"


def last_number(text: str) -> Decimal | None:
    """Return the last number of a text; a fraction is divided."""
    found = NUMBER.findall(text)
    if not found:
        return None
    above, _, below = found[-1].replace(",", "").replace("−", "-").partition("/")
    try:
        return Decimal(above) / Decimal(below or 1)
    except ArithmeticError:
        return None


def choice_of(text: str) -> str | None:
    """Return the letter that a text chooses; None where it names none."""
    if told := TOLD.findall(text):
        return str(told[-1])
    ahead = AHEAD.match(text)
    return ahead[1] if ahead else None


NO_JSON = object()
"""Stands for what is no JSON."""


def read_json(text: str) -> Any:
    """Return the JSON value that a text is, or that its only block of code holds."""
    blocks = FENCED.findall(text)
    try:
        return json.loads(blocks[0] if len(blocks) == 1 else text)
    except (ValueError, RecursionError):
        return NO_JSON


def is_json(answer: str, expected: Any) -> bool:
    """Say whether an answer is JSON, and what is expected where something is."""
    value = read_json(answer)
    return value is not NO_JSON and (expected is None or bool(value == expected))


def matches(answer: str, pattern: regex.Pattern[str]) -> bool:
    """Say whether a pattern is found; `TimeoutError` where this takes too long."""
    return pattern.search(answer, timeout=SECONDS) is not None


RULES: Mapping[str, Callable[[str, Any], bool]] = {
    "number": lambda answer, expected: last_number(answer) == expected,
    "choice": lambda answer, expected: choice_of(answer) == expected,
    "regex": matches,
    "json": is_json,
}


@hookimpl
def register_evaluators(register: Register) -> None:
    """Register `checkable`."""
    register("checkable", Checkable)

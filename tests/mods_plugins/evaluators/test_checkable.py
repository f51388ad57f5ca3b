"""Answers that are right or wrong by rule."""

import pytest

from mods import Evidence, Record, SettingsError, Unscorable
from mods_plugins.evaluators.checkable import Checkable


def right(answer, check=None, expected=None, reference="", **options):
    raw = {k: v for k, v in (("check", check), ("expected", expected)) if v is not None}
    prompt = Record.from_instruction("ask", reference, raw=raw)
    (found,) = Checkable(**options).evaluate([prompt], Evidence(answers=[answer]))
    return found


@pytest.mark.parametrize(
    ("check", "expected", "answer", "found"),
    [
        ("number", 1200, "First 3, then 1,200.", 1),
        ("number", "1200", "It is 1200.0", 1),
        ("number", "The answer is 0.5", "1/2", 1),
        ("number", -4, "so x = −4", 1),
        ("number", 12, "12 of 13", 0),
        ("number", 12, "no idea", 0),
        ("number", 12, "<think>12</think>13", 0),
        ("choice", "B", "The answer is (B).", 1),
        ("choice", "B. Oslo", "B) Oslo", 1),
        ("choice", "B", "**B**", 1),
        ("choice", "A", "A dog is an animal", 0),
        ("choice", "B", "Not option A; the correct answer: B", 1),
        ("choice", "B", "either A or B", 0),
        ("regex", r"\bfive\b", "it is five", 1),
        ("regex", r"^\d+$", "five", 0),
        ("json", None, '```json\n{"a": 1}\n```', 1),
        ("json", '{"a": [1, 2]}', '{"a": [1, 2]}', 1),
        ("json", '{"a": [1, 2]}', '{"a": [2, 1]}', 0),
        ("json", None, "{a: 1}", 0),
    ],
)
def test_rules(check, expected, answer, found):
    assert right(answer, check, expected) == found


def test_rule_and_expected_come_from_option_and_reference_where_the_prompt_has_none():
    assert right("about 7", reference="It is 7", rule="number") == 1
    assert right("A1", pattern=r"[A-Z]\d") == 1
    assert right("7", check="choice", expected="B", rule="number") == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "no field `check`"),
        ({"check": "poem"}, "unknown"),
        ({"check": "number"}, "nothing to check"),
        ({"check": "number", "expected": "many"}, "no number"),
        ({"check": "regex", "expected": "("}, "is none"),
    ],
)
def test_a_prompt_that_cannot_be_checked_has_no_number_and_is_not_asked(given, why):
    found = right("7", **given)
    assert isinstance(found, Unscorable)
    assert why in found.reason
    assert not Checkable().measures(Record.from_instruction("ask", "", raw=given))


def test_a_pattern_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr("mods_plugins.evaluators.checkable.SECONDS", 0.05)
    found = right("a" * 40 + "!", "regex", r"^(a|a|aa)+$")
    assert isinstance(found, Unscorable)
    assert "takes more than" in found.reason


def test_an_unknown_rule_is_refused():
    with pytest.raises(SettingsError, match="number, choice, regex, json"):
        Checkable(rule="poem")

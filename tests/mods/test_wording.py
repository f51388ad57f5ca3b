"""Messages are safe to show, short, and say what to do."""

from __future__ import annotations

import pytest

from mods.wording import (
    describe,
    json_kind,
    needs_extra,
    one_line,
    printable,
    quoted,
    shorten,
    suggest,
)


def test_data_cannot_drive_a_terminal() -> None:
    assert printable("a\x1b[31m\ud83d\u202eé\n雪 b") == "a\\x1b[31m\\ud83d\\u202eé\n雪 b"


def test_values_are_short_and_on_one_line() -> None:
    assert shorten({"a": "é\n"}) == '{"a": "é\\n"}'
    assert shorten("x" * 100, 10) == '"xxxxxxxx…'
    assert len(shorten(list(range(1000)))) == 80
    assert shorten({1, 2}.__class__) == "\"<class 'set'>\""


def test_quoted_values_are_short_ascii() -> None:
    assert quoted("judge") == "'judge'"
    assert quoted("é\n\ud83d") == r"'\xe9\n\ud83d'"
    assert len(quoted("x" * 1000)) < 40


def test_the_first_line_of_an_error_without_its_full_stop() -> None:
    assert one_line(ValueError("\n no such thing.\nlong advice")) == "no such thing"
    assert one_line(KeyError()) == "KeyError"
    assert describe(KeyError("text")) == "KeyError: 'text'"
    assert describe(RuntimeError()) == "RuntimeError"


def test_suggestions_only_of_what_is_near() -> None:
    assert suggest("alpacca", ["alpaca", "messages"]) == " (did you mean 'alpaca'?)"
    assert suggest("zzz", ["alpaca"]) == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "true or false"),
        ("a", "text"),
        (1, "a number"),
        (1.5, "a number"),
        ([], "a list"),
        ((), "a list"),
        ({}, "an object"),
        (b"", "bytes"),
    ],
)
def test_kinds_have_the_names_of_json(value: object, kind: str) -> None:
    assert json_kind(value) == kind


def test_a_missing_extra_names_the_line_that_adds_it() -> None:
    line = 'sentence encoders need one more package: pip install "mods[sentence-transformers]"'
    assert needs_extra("sentence encoders need", "sentence-transformers") == line

from __future__ import annotations

from typing import Any

import pytest

from mods import Record
from mods.testing import sample_records
from mods_plugins.coherence.features import (
    ABSENT,
    FEATURES,
    last_turn,
    newest_first,
    script_code,
    text_features,
)


def features(response: str, prompt: str = "Tell me about the river and its bridge.") -> Any:
    values = text_features(Record.from_instruction(prompt, response))
    return dict(zip(FEATURES[1:], values, strict=True))


def test_several_turns_are_read_with_the_last_one_first() -> None:
    record = sample_records()[-2]
    assert newest_first(record).splitlines()[0] == last_turn(record) == "Where is the treasure?"
    assert "pirate" not in newest_first(record)


@pytest.mark.parametrize(
    ("feature", "response", "value"),
    [
        ("type-token ratio", "one two one two", 0.5),
        ("type-token ratio", " ".join(map(str, range(60))) + " 1" * 500, 1.0),
        ("mean word length", "ab abcd", 3.0),
        ("mean word length", "x" * 90, 12.0),
        ("mean word length", "雪が降る", ABSENT),
        ("prompt words used", "The river.", 2 / 8),
        ("response words from prompt", "The river sings.", 2 / 3),
        ("final punctuation", "It is long.", 1.0),
        ("final punctuation", '"It is long."', 1.0),
        ("final punctuation", "It is a long and", 0.0),
        ("final punctuation", "blue whale", ABSENT),
        ("final punctuation", "", 0.0),
        ("capital start", "It is.", 1.0),
        ("capital start", "it is.", 0.0),
        ("capital start", "3 of them", 1.0),
        ("capital start", "雪", ABSENT),
        ("digit share", "a1b2", 0.5),
        ("question", "Why?", 1.0),
        ("refusal", "I’m sorry, no.", 1.0),
        ("refusal", "word " * 70 + "I'm sorry", 0.0),
        ("first person", "I see my cat", 0.5),
        ("opens with a connective", "Therefore it rains.", 1.0),
        ("opens with a connective", "Rain, therefore.", 0.0),
        ("numbered in order", "no list", 1.0),
        ("numbered in order", "1. a\n2. b\n4. c", 0.5),
        ("numbered in order", "2. a\n3. b", 0.0),
        ("neighbouring sentences", "One. Two.", 0.0),
        ("neighbouring sentences", "A cat. A cat. A dog.", 0.25),
    ],
)
def test_each_feature_sees_what_it_is_called(feature: str, response: str, value: float) -> None:
    assert features(response)[feature] == pytest.approx(value)


def test_the_script_of_an_answer_without_letters_is_that_of_the_prompt() -> None:
    assert script_code(Record.from_instruction("雪は何度?", "0")) == 2.0
    assert script_code(Record.from_instruction("雪は何度?", "Zero")) == 0.0

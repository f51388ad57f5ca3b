from __future__ import annotations

import pytest

from mods import Message, Record
from mods_plugins.text import script, sentences, with_response, words


def test_words_and_sentences_of_many_scripts() -> None:
    assert words("Don't stop, 雪だ! नमस्ते") == ["don't", "stop", "雪", "だ", "नमस्ते"]
    for text, count in (
        ("One. Two? 3.5 km!", 3),
        ("你好。我是学生！好", 3),
        ("هل؟ نعم.", 2),
        ("a\nb", 2),
    ):
        assert len(sentences(text)) == count
        assert "".join(sentences(text)) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Été", 0),
        ("Привет", 0),
        ("שלום", 1),
        ("नमस्ते", 1),
        ("雪が降る", 2),
        ("ok 雪が", 2),
        ("12?", None),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, kind: int | None) -> None:
    assert script(text) == kind


def test_another_response_makes_another_record_of_the_same_conversation() -> None:
    record = Record.from_instruction("q", "a", "in", source="s", row=3)
    other = with_response(record, "b")
    assert other.conversation is record.conversation
    assert (other.response, other.source, other.row) == ("b", "s", 3)
    assert other.id == Record.from_instruction("q", "b", "in").id != record.id
    thought = Record(record.conversation, Message("assistant", "a", reasoning="hm"))
    assert with_response(thought, "b").reply == Message("assistant", "b")

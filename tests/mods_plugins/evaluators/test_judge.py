"""What a judge is asked, and how it is read."""

import pytest

from mods import Record, SettingsError
from mods_plugins.evaluators.judge import Judge


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Both are fine, but [[A]]", 1),
        ("[[b]]", 0),
        ("[[Tie]].", 0.5),
        ("**B**", 0),
        ("<think>[[A]] or [[B]]?</think>[[B]]", 0),
        ("<think>[[A]]", None),
        ("[[A]] ... [[B]]", None),
        ("Answer A is better", None),
        ("", None),
    ],
)
def test_only_a_plain_verdict_is_read(said, found):
    assert Judge(generator="hf").read(said) == found


def test_the_question_holds_request_and_answers_without_thoughts_in_their_order():
    prompt = Record.from_instruction("name {a} tree", "oak")
    asked = Judge(generator="hf").question(prompt, "<think>hm</think>{elm}", "ash").prompt
    assert asked.index("name {a} tree") < asked.index("{elm}") < asked.index("ash")
    assert "hm" not in asked


def test_further_options_are_those_of_the_generator():
    judge = Judge(generator="hf", model="org/judge", dtype="bfloat16")
    assert judge.generator == {"name": "hf", "model": "org/judge", "dtype": "bfloat16"}
    with pytest.raises(SettingsError, match="random, untuned, references"):
        Judge(generator="hf", opponent="best")

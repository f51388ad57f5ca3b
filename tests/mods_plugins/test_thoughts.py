import pytest

from mods import Message
from mods_plugins.thoughts import split_thoughts, told_apart, well_formed


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("plain", "", "plain"),
        (" plain <think>no</think>", "", " plain <think>no</think>"),
        ("<think>\nhm\n</think>\n\nyes", "hm", "yes"),
        ("\n<think></think>yes", "", "yes"),
        ("<think>\nnever", "never", ""),
        ("<think>\n<think>\nhm</think>yes", "hm", "yes"),
        ("", "", ""),
    ],
)
def test_thoughts_and_answer(text, thoughts, answer):
    assert split_thoughts(text) == (thoughts, answer)


@pytest.mark.parametrize(
    ("text", "opened", "whole"),
    [
        ("plain", False, "plain"),
        ("hm</think>yes", True, "<think>\nhm\n</think>\n\nyes"),
        ("<think>hm</think>yes", True, "<think>\nhm\n</think>\n\nyes"),
        ("\n</think>\n\nyes", True, "yes"),
        ("never", True, "<think>\nnever"),
        ("<think>\n\n</think>\n\nyes", False, "yes"),
    ],
)
def test_what_a_model_wrote_has_one_block(text, opened, whole):
    assert well_formed(text, opened=opened) == whole


def test_thoughts_in_the_text_of_a_turn_are_its_reasoning():
    turn = Message("assistant", "<think>hm</think>yes")
    assert told_apart(turn) == Message("assistant", "yes", reasoning="hm")
    for kept in (Message("user", "<think>hm</think>yes"), Message("assistant", "<think>open")):
        assert told_apart(kept) is kept

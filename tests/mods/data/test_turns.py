from __future__ import annotations

import pytest

from mods.data.turns import ROLES, read_turns, reply, unread
from mods.data.values import RowError
from mods.records import Media, Message, ToolCall

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def one(**turn):
    (message,) = read_turns([turn], "x")
    return message


def test_both_spellings_of_a_turn_and_parts_joined():
    turns = [
        {"from": "human", "value": "a"},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"text": "c"}, "d"]},
        {"role": None, "from": "Tool", "content": None, "value": "e"},
    ]
    assert read_turns(turns, "x") == [
        Message("user", "a"),
        Message("assistant", "bcd"),
        Message("tool", "e"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        [["a", "b"]],
        [{"human": "a", "assistant": "b"}],
        [{"user": "a", "bot": "b"}],
        [{"Question": "a", "Answer": "b"}],
        [{"instruction": "a", "output": "b"}],
        {"human": ["a"], "assistant": ["b"]},
        {"prompt": "a", "completion": "b"},
        ["a", "b"],
        '["a", "b"]',
        '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
    ],
)
def test_pairs_texts_objects_of_lists_and_json_are_turns(value):
    assert read_turns(value, "x") == [Message("user", "a"), Message("assistant", "b")]


def test_every_role_is_one_of_four_and_compared_loosely():
    assert set(ROLES.values()) == {"system", "user", "assistant", "tool"}
    assert all(name == name.lower() for name in ROLES)
    assert one(role=" Developer ", content="a").role == "system"
    assert one(**{"from": "User ", "value": "a"}).role == "user"


def test_tool_calls_and_their_results():
    call = one(role="assistant", content=None, tool_calls=[CALL])
    assert call == Message("assistant", "", tool_calls=(ToolCall("f", "{}", "1"),))
    old = one(role="assistant", content="a", function_call={"name": "f", "arguments": "{}"})
    assert old.tool_calls == (ToolCall("f", "{}"),)
    assert old.content == "a"
    result = one(role="tool", tool_call_id="1", name="f", content="4")
    assert result == Message("tool", "4", tool_call_id="1", name="f")
    assert one(role="tool_call", content='{"name": "f"}').tool_calls == (ToolCall("f", "{}"),)


def test_a_call_in_a_notation_of_its_own_stays_text():
    for text in ("{}", "Action: search\nInput: tea"):
        assert one(**{"from": "function_call", "value": text}) == Message("assistant", text)


def test_media_among_parts_and_beside_them():
    message = one(
        role="user",
        content=[
            {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
            {"type": "text", "text": "What?"},
            {"type": "image", "text": None},
            {"type": "audio", "audio": "a.wav"},
        ],
        images=["b.png"],
    )  # fmt: skip
    assert message.content == "What?"
    assert message.media == (
        Media("image", "http://x/y.png"), Media("audio", "a.wav"), Media("image", "b.png")
    )  # fmt: skip


def test_a_refusal_is_what_was_said():
    assert one(role="assistant", content=None, refusal="No.") == Message("assistant", "No.")


def test_empty_system_turns_are_no_turns():
    for content in ("", None, "  "):
        assert read_turns([{"role": "system", "content": content}], "x") == []


@pytest.mark.parametrize(
    ("given", "weight"), [({"weight": 0}, 0), ({"weight": "1"}, 1), ({"loss": False}, 0),
                          ({"train": True}, 1), ({"weight": None}, None), ({}, None)]
)  # fmt: skip
def test_weights(given, weight):
    assert one(role="assistant", content="a", **given).weight == weight


def test_thoughts():
    assert reply("<think>\na\n</think>\n\nb") == Message("assistant", "b", reasoning="a")
    assert reply("a</think>b") == Message("assistant", "b", reasoning="a")
    assert reply("<think></think>b") == Message("assistant", "b")
    assert reply("<think>a</think>b", reasoning="a").content == "b"
    other = reply("<think>a</think>b", reasoning="c")
    assert (other.content, other.reasoning) == ("<think>a</think>b", "c")


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ("user: a", "x should be a list of turns, found text"),
        ([], "x is an empty list"),
        (["a", 1], "turn 1 of x should be an object, found text"),
        ([{"content": "a"}], r"turn 1 of x has no role \(expected 'role' or 'from'\)"),
        ([{"role": "user"}], "turn 1 of x has no text"),
        ([{"role": "judge", "content": "a"}], "turn 1 of x has the unknown role 'judge'"),
        ([{"role": "user", "content": {"type": "pdf"}}], "is no text but 'pdf'"),
        ([{"role": "user", "content": [{"type": "text"}]}], "should be text, found null"),
        ([["a"]], "turn 1 of x should be a pair of texts, found 1 items"),
        ([{"role": "assistant", "content": "a", "weight": -1}], "'weight' of turn 1 of x should"),
        ([{"role": "assistant", "tool_calls": [{}]}], "of turn 1 of x has no name"),
    ],
)
def test_turns_that_cannot_be_read_say_why(turns, reason):
    with pytest.raises(RowError, match=reason):
        read_turns(turns, "x")


def test_keys_that_are_not_read_are_found():
    turns = [{"role": "user", "content": "a", "id": 1, "note": None}, {"human": "a", "gpt": "b"}]
    assert unread(turns) == {"id"}
    assert unread("a") == set()

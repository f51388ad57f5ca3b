"""Records: ids that do not change, and conversations that are the same whatever the reply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mods import Conversation, Media, Message, Record, ToolCall
from mods.records import content_id

TURNS = (Message("user", "Hi"), Message("assistant", "Hello"))


def test_ids_and_keys_of_plain_conversations_are_what_they_were() -> None:
    """Computed before turns had other parts: caches and receipts of old must stay true."""
    record = Record.from_instruction("Add", "3", "1 2", "Be brief.")
    assert record.id == "79b1291973c84565fcc22d5600f111e0"
    assert record.key == "79b1291973c84565fcc22d5600f111e0-7462c11f"
    odd = Record.from_turns([Message("user", "Hi"), Message("assistant", "Hello \ud83d é")], "Hi")
    assert odd.id == odd.key == "ad6be5fdcffaeaa28c2180885313b379"


OTHERS = {
    "role": Message("tool", "Hi"),
    "content": Message("user", "Hi!"),
    "reasoning": Message("user", "Hi", reasoning="hm"),
    "tool_calls": Message("user", "Hi", tool_calls=(ToolCall("f", "{}"),)),
    "arguments": Message("user", "Hi", tool_calls=(ToolCall("f", '{"a": 1}'),)),
    "id of the call": Message("user", "Hi", tool_calls=(ToolCall("f", "{}", "1"),)),
    "tool_call_id": Message("user", "Hi", tool_call_id="1"),
    "name": Message("user", "Hi", name="f"),
    "media": Message("user", "Hi", media=(Media("image", "a.png"),)),
    "kind of media": Message("user", "Hi", media=(Media("audio", "a.png"),)),
    "weight": Message("user", "Hi", weight=0.5),
    "weight 0": Message("user", "Hi", weight=0.0),
}


def test_every_part_of_a_turn_and_the_tools_change_the_id() -> None:
    others = [content_id([turn, TURNS[1]]) for turn in OTHERS.values()]
    replies = [content_id([TURNS[0], turn]) for turn in OTHERS.values()]
    tools = [content_id(TURNS, tools) for tools in ((), ("f",), ("g",), ("f", "g"))]
    made = [*others, *replies, *tools]
    assert len(set(made)) == len(made)
    # No part is left without a test.
    assert set(Message._fields) <= set(OTHERS)


def test_the_tools_of_a_conversation_are_in_both_ids() -> None:
    plain = Conversation.from_instruction("Hi")
    equipped = replace(plain, tools=("{}",))
    reply = Message("assistant", "Hello")
    assert plain.id != equipped.id
    assert Record(plain, reply).id != Record(equipped, reply).id


def test_a_conversation_has_one_key_whatever_is_replied() -> None:
    one, two = (Record.from_instruction("Add", reply, "1 2") for reply in ("3", "three"))
    assert one.conversation.key == two.conversation.key
    assert one.key != two.key
    assert one.conversation.key != one.key


def test_the_split_of_a_prompt_is_in_the_key_and_not_in_the_id() -> None:
    split = Conversation.from_instruction("Add", "1 2")
    whole = Conversation.from_instruction("Add\n1 2")
    assert split.id == whole.id == whole.key
    assert split.key.startswith(f"{split.id}-")


def test_what_a_record_shows() -> None:
    record = Record.from_turns(
        [Message("system", "s"), Message("user", "u"), Message("assistant", "a")], "u", row=4
    )
    assert (record.instruction, record.input, record.response, record.row) == ("u", "", "a", 4)
    assert record.messages == (*record.context, record.reply)
    assert record.prompt == record.conversation.prompt == "system: s\nuser: u"
    assert Conversation.from_instruction("u").prompt == "u"
    assert (record.conversation.size, record.size) == (2, 3)


def test_raw_is_no_part_of_equality() -> None:
    one, two = (Record.from_instruction("a", "b", raw={"n": n}) for n in (1, 2))
    assert one == two
    assert "raw" not in repr(one)


def test_a_record_ends_in_a_reply_of_the_assistant() -> None:
    for turns in ([], [Message("user", "a")]):
        with pytest.raises(ValueError, match="must be the assistant's reply"):
            Record.from_turns(turns, "a")
    with pytest.raises(ValueError, match="must be the assistant's reply"):
        Record(Conversation.from_instruction("a"), Message("tool", "b"))

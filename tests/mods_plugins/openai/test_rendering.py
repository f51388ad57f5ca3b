import json

import pytest

from mods import Conversation, Media, Message, ToolCall, Unscorable
from mods_plugins.openai.rendering import as_chat


def asked(*turns, tools=()):
    return as_chat(Conversation(turns, "", tools=tools))


def test_plain_turns_stay_as_they_are():
    found = as_chat(Conversation.from_instruction("Add.", "1 2", "Be short."))
    assert found == {
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Add.\n1 2"},
        ]
    }


def test_calls_and_results_are_paired_by_id_also_where_the_row_has_none():
    calls = (ToolCall("add", '{"a": 1}'), ToolCall("sub", "{}", "mine"), ToolCall("mul", "{}"))
    found = asked(
        Message("user", "?"),
        Message("assistant", "", tool_calls=calls),
        Message("tool", "1"),
        Message("tool", "2", tool_call_id="mine"),
        Message("tool", "3"),
        tools=(json.dumps({"name": "add", "parameters": {}}),),
    )
    said, *results = found["messages"][1:]
    assert said["content"] is None
    assert said["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    ids = [call["id"] for call in said["tool_calls"]]
    assert len(set(ids)) == 3
    assert [turn["tool_call_id"] for turn in results] == ids
    tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    assert found["tools"] == [tool]


def test_past_thoughts_are_left_out():
    apart = Message("assistant", "yes", reasoning="hm")
    inside = Message("assistant", "<think>\nhm\n</think>\n\nyes")
    for turn in (apart, inside):
        found = asked(Message("user", "?"), turn, Message("user", "why?"))
        assert found["messages"][1] == {"role": "assistant", "content": "yes"}


@pytest.mark.parametrize("address", ["https://example.org/a.png", "data:image/png;base64,AA=="])
def test_a_picture_goes_by_its_address(address):
    found = asked(Message("user", "What is it?", media=(Media("image", address),)))
    assert found["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": address}},
        {"type": "text", "text": "What is it?"},
    ]


@pytest.mark.parametrize(
    "medium", [Media("image", "/etc/passwd"), Media("audio", "https://example.org/a.wav")]
)
def test_no_local_file_is_sent_and_nothing_that_the_endpoint_does_not_know(medium):
    found = asked(Message("user", "?", media=(medium,)))
    assert isinstance(found, Unscorable)
    assert medium.kind in found.reason

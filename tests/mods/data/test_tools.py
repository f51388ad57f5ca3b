from __future__ import annotations

import hashlib
import json

import pytest

from mods.data.tools import are_calls, looks_like_calls, read_calls, read_media, read_tools
from mods.data.values import RowError
from mods.records import Media, ToolCall

CALL = ToolCall("f", '{"a": 1}')


@pytest.mark.parametrize(
    "value",
    [
        {"name": "f", "arguments": {"a": 1}},
        [{"name": "f", "parameters": {"a": 1}}],
        [{"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
        '{"name": "f", "arguments": {"a": 1}}',
        json.dumps([{"function": {"name": "f", "arguments": {"a": 1}}}]),
    ],
)
def test_calls_are_read_in_every_form(value):
    assert read_calls(value, "x") == (CALL,)


def test_a_call_has_its_id_and_may_lack_arguments():
    assert read_calls({"id": "c1", "name": "f"}, "x") == (ToolCall("f", "{}", "c1"),)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"arguments": {}}, "a tool call of x has no name"),
        (["f"], "a tool call of x should be an object, found text"),
        ("f(1)", "a tool call of x should be an object, found text"),
        ('[{"name"', "x looks like JSON but is none"),
    ],
)
def test_calls_that_are_none_say_why(value, reason):
    with pytest.raises(RowError, match=reason):
        read_calls(value, "x")


def test_texts_that_are_calls_can_be_told():
    assert are_calls('{"name": "f"}')
    assert not are_calls("{}")
    assert not are_calls("Action: search")
    assert looks_like_calls('[{"name": "f", "arguments": {}}]')
    assert not looks_like_calls('{"name": "f", "arguments": {}}')
    assert not looks_like_calls("[1] is a footnote")
    assert not looks_like_calls("[]")


def test_tools_are_kept_as_text():
    assert read_tools([{"name": "é"}, "plain words"], "x") == ('{"name": "é"}', "plain words")
    assert read_tools("[]", "x") == ()
    with pytest.raises(RowError, match="tool 2 of x should be an object, found a number"):
        read_tools([{"name": "f"}, 3], "x")


def test_media_are_references_and_content_is_named_by_its_hash():
    digest = f"sha256:{hashlib.sha256(b'png').hexdigest()}"
    items = ["a.png", None, {"url": "http://x/y"}, {"path": "b", "bytes": None}, {"bytes": b"png"}]
    assert [m.reference for m in read_media(items, "image", "x")] == [
        "a.png", "http://x/y", "b", digest
    ]  # fmt: skip
    assert read_media(b"png", "audio", "x") == (Media("audio", digest),)
    with pytest.raises(RowError, match="x should be a path, an address or content, found a number"):
        read_media([3], "image", "x")

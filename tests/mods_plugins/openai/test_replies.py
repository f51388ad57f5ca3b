import json

import pytest
from support.chat_server import says

from mods_plugins.openai.replies import Denied, Failed, Refused, failure, read_reply


def read(answer):
    return read_reply(answer[2].encode())


def test_an_answer_with_its_tokens():
    reply = read(says("yes"))
    assert (reply.text, reply.cut, reply.tokens, reply.model) == ("yes", False, 7, "tiny")


def test_an_empty_answer_is_an_answer():
    assert read(says(None)).text == ""


def test_thoughts_stand_in_one_block_before_the_answer():
    wanted = "<think>\nhm\n</think>\n\nyes"
    for answer in (
        says("yes", reasoning_content="hm"),
        says("yes", reasoning=" hm "),
        says("<think>hm</think>yes"),
        says("hm</think>yes"),
    ):
        assert read(answer).text == wanted


def test_what_was_stopped_is_cut_and_its_thoughts_stay_open():
    reply = read(says(None, finish="length", reasoning_content="hm"))
    assert (reply.text, reply.cut) == ("<think>\nhm", True)


def test_calls_are_part_of_the_answer():
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert read(says(None, tool_calls=[call])).text == '{"name": "add", "arguments": {"a": 1}}'


def test_of_several_choices_the_first_by_its_number():
    message = {"role": "assistant", "content": "no"}
    first = {"index": 0, "message": {"role": "assistant", "content": "yes"}}
    body = {"choices": [{"index": 1, "message": message}, first]}
    assert read_reply(json.dumps(body).encode()).text == "yes"
    with pytest.raises(Failed, match="cannot be read"):
        read_reply(json.dumps({"choices": [first, first]}).encode())


@pytest.mark.parametrize(
    "answer", [says("", refusal="I will not"), says("a", finish="content_filter")]
)
def test_a_refusal_is_no_answer(answer):
    with pytest.raises(Refused, match=r"I will not|content filter"):
        read(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b'{"choices": [{"message": {"content"', b"[]", b'{"choices": []}', b"null",
        b'{"choices": [{"message": {"content": NaN}}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
        b'{"choices": [{"message": null}]}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_asked_for_again(body):
    with pytest.raises(Failed, match="cannot be read"):
        read_reply(body)


@pytest.mark.parametrize(
    ("status", "told", "kind", "what"),
    [
        (429, "slow down", Failed, "HTTP 429: slow down"),
        (429, "insufficient_quota", Denied, "insufficient_quota"),
        (500, "", Failed, "HTTP 500"),
        (400, "maximum context length is 8 tokens", Refused, "too long"),
        (400, "rejected by our content management policy", Refused, "content filter"),
        (400, "temperature?", Refused, "refused by the server"),
        (401, "your key sk-123 is wrong", Denied, "HTTP 401: the key is refused"),
        (404, "no model", Denied, "HTTP 404: no model"),
        (307, "", Denied, "HTTP 307"),
    ],
)
def test_what_a_status_means(status, told, kind, what):
    body = json.dumps({"error": {"message": told}}).encode()
    found = failure(status, body, 3.0)
    assert type(found) is kind
    assert what in str(found)
    assert "sk-123" not in str(found)


def test_who_is_at_fault_is_told():
    busy = failure(503, b"", 3.0)
    assert (busy.busy, busy.wait) == (True, 3.0)
    assert not failure(500, b"", None).busy
    assert not failure(400, b'{"detail": "odd"}', None).certain
    assert failure(400, b'{"error": "prompt is too long"}', None).certain

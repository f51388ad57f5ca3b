"""No part of a conversation is lost on the way through a template."""

import pytest
from support.templates import DEAF, DUAL, KNOWING, OPENING, STRICT
from support.tiny_models import tiny_tokenizer
from support.turns import CALLING

from mods import Conversation, Message, Record, ToolCall
from mods_plugins.hf.chat.format import ChatFormat


def text(chat, ids):
    return chat.tokenizer.decode(ids)


THOUGHTFUL = Record(
    Conversation.from_instruction("why?"), Message("assistant", "so", reasoning="let me see")
)
IN_THE_TEXT = Record(
    Conversation.from_instruction("why?"),
    Message("assistant", "<think>\nlet me see\n</think>\n\nso"),
)
PLAIN = Record.from_instruction("why?", "so")
BLOCK = "<think>\nlet me see\n</think>\n\nso<|end|>"


@pytest.mark.parametrize("template", [None, OPENING, DUAL, KNOWING, STRICT, "alpaca"])
@pytest.mark.parametrize("record", [THOUGHTFUL, IN_THE_TEXT])
@pytest.mark.parametrize("thinking", [None, True, False])
def test_reasoning_stands_in_one_block_before_the_answer(template, record, thinking):
    arguments = {} if thinking is None else {"enable_thinking": thinking}
    chat = ChatFormat(tiny_tokenizer(), template, arguments)
    [row] = chat.encode([record])
    whole = text(chat, row.prompt + row.response)
    assert whole.endswith(BLOCK)
    assert [whole.count("<think>"), whole.count("</think>")] == [1, 1]


@pytest.mark.parametrize(
    ("template", "thinking", "end"),
    [
        (OPENING, False, "<think>\n\n</think>\n\nso<|end|>"),
        (DUAL, False, "<think>\n\n</think>\n\nso<|end|>"),
        (DUAL, True, "<think>\n\n</think>\n\nso<|end|>"),
        (None, False, "assistant\nso<|end|>"),
    ],
)
def test_an_answer_without_thoughts_never_stands_inside_a_block(template, thinking, end):
    chat = ChatFormat(tiny_tokenizer(), template, {"enable_thinking": thinking})
    [row] = chat.encode([PLAIN])
    assert text(chat, row.prompt + row.response).endswith(end)
    assert text(chat, row.prompt + row.response).count("<think>") == end.count("<think>")
    assert chat.prompts([PLAIN.conversation], 1000) == [row.prompt]


def test_a_prompt_that_opens_a_block_says_so():
    chat = ChatFormat(tiny_tokenizer(), OPENING)
    assert chat.prompts_each([PLAIN.conversation], 1000)[0].opened
    assert not ChatFormat(tiny_tokenizer()).prompts_each([PLAIN.conversation], 1000)[0].opened


def test_a_template_that_skips_a_system_turn_gets_it_with_the_first_turn(caplog):
    chat = ChatFormat(tiny_tokenizer(), DEAF)
    rows = chat.encode([Record.from_instruction("q", "a", system=f"be {i}") for i in range(3)])
    assert text(chat, rows[1].prompt) == "<|start|>user\nbe 1\n\nq<|end|>\n<|start|>assistant\n"
    [said] = caplog.messages
    assert "does not show system turns: such rows are put to the model in a plainer" in said


def test_no_part_of_a_row_is_lost_whatever_the_template(caplog):
    for template in (None, DEAF, STRICT, KNOWING, OPENING, DUAL, "alpaca"):
        chat = ChatFormat(tiny_tokenizer(), template)
        [row] = chat.encode([CALLING])
        whole = text(chat, row.prompt + row.response)
        for part in ("be kind", "how warm?", "warmth", '"Oslo"', "minus three", "cold", "brr"):
            assert part in whole, (template, part)
        assert [row.prompt] == chat.prompts([CALLING.conversation], 1000) or template == DUAL


def test_a_template_that_takes_tools_is_given_them():
    chat = ChatFormat(tiny_tokenizer(), KNOWING)
    [row] = chat.encode([CALLING])
    prompt = text(chat, row.prompt)
    assert prompt.startswith(
        '<|start|>tools\n[{"type": "function", "function": {"name": "warmth"}}]<|end|>\n'
        "<|start|>system\nbe kind<|end|>\n"
    )
    assert '<|start|>assistant\n[warmth({"city": "Oslo"})]<|end|>\n' in prompt
    assert "<|start|>tool\nminus three<|end|>\n" in prompt


def test_a_call_as_the_reply_is_written_as_the_template_writes_calls_else_as_text():
    reply = Message("assistant", "", tool_calls=(ToolCall("warmth", '{"city": "Oslo"}'),))
    record = Record(Conversation.from_instruction("how warm?"), reply)
    for template, wanted in (
        (KNOWING, '[warmth({"city": "Oslo"})]<|end|>'),
        (None, '{"name": "warmth", "arguments": {"city": "Oslo"}}<|end|>'),
    ):
        chat = ChatFormat(tiny_tokenizer(), template)
        assert text(chat, chat.encode([record])[0].response) == wanted

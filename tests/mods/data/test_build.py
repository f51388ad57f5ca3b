"""Rows of every form become conversations, or say why they cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mods.data.build import record_of
from mods.data.layout import Layout
from mods.data.values import RowError
from mods.records import Media, Message, Record, ToolCall

USER, ASSISTANT = {"role": "user", "content": "Add\n1 2"}, {"role": "assistant", "content": "3"}
NAN = float("nan")


def read(row: dict, layout: Layout | None = None, ignored: set[str] | None = None) -> Record:
    assignment = (layout or Layout()).assign(row)
    assert assignment is not None, "no schema fits"
    return record_of(row, assignment, ignored)


def said(record: Record) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in record.messages]


PREFERRED = {"chosen": "3", "rejected": "4"}
SAME = {
    "alpaca": {"instruction": "Add", "input": "1 2", "output": "3"},
    "alpaca without input": {"instruction": "Add\n1 2", "input": "", "output": "3"},
    "alpaca with nulls": {"instruction": "Add\n1 2", "input": None, "output": "3", "system": None},
    "nan, as pandas has it": {"instruction": "Add\n1 2", "input": NAN, "output": "3", "tools": NAN},
    "empty columns of every kind": {
        "instruction": "Add\n1 2", "output": "3", "history": [], "system": "", "tools": "[]",
        "image": None, "messages": [], "prompt": "", "label": None, "weight": NAN,
    },
    "names in capitals": {"Instruction": "Add", " Input": "1 2", "OUTPUT": "3"},
    "dolly": {"instruction": "Add", "context": "1 2", "response": "3", "category": "qa"},
    "instruction and query": {"instruction": "Add", "query": "1 2", "response": "3"},
    "question and answer": {"question": "Add\n1 2", "answer": "3"},
    "question and context": {"question": "Add", "context": "1 2", "answer": "3"},
    "question and article": {"question": "Add", "article": "1 2", "answer": "3"},
    "input and target": {"input": "Add\n1 2", "target": "3"},
    "input and output": {"input": "Add\n1 2", "output": "3"},
    "query and response": {"query": "Add\n1 2", "response": "3"},
    "problem and solution": {"problem": "Add\n1 2", "solution": "3"},
    "a number as output": {"instruction": "Add\n1 2", "output": 3},
    "extractive answers": {
        "question": "Add", "context": "1 2", "answers": {"text": ["3", "3"], "answer_start": [0, 4]}
    },
    "answers as objects": {"question": "Add\n1 2", "answers": [{"text": "3", "answer_start": 0}]},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Add\n1 2"}, {"from": "gpt", "value": "3"}]
    },
    "pairs": {"conversation": [{"human": "Add\n1 2", "assistant": "3"}]},
    "pairs with other keys": {"dialogue": [{"Query": "Add\n1 2", "Response": "3"}]},
    "pairs as lists": {"conversations": [["Add\n1 2", "3"]]},
    "alternating texts": {"data": ["Add\n1 2", "3"]},
    "messages": {"messages": [USER, ASSISTANT], "tools": None},
    "messages as json in a cell": {"messages": json.dumps([USER, ASSISTANT])},
    "messages as a struct of lists": {
        "messages": {"role": ["user", "assistant"], "content": ["Add\n1 2", "3"]}
    },
    "messages as arrays": {"messages": np.array([USER, ASSISTANT], object)},
    "messages in parts": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Add\n"},
                                                  {"type": "text", "text": "1 2"}]}, ASSISTANT]
    },
    "turns with both spellings": {
        "messages": [
            {"role": None, "content": None, "from": "Human", "value": "Add\n1 2"},
            {"role": "assistant", "content": "3", "from": None, "value": None, "tool_calls": None},
        ]
    },
    "an empty system turn": {"messages": [{"role": "system", "content": None}, USER, ASSISTANT]},
    "prompt and completion": {"prompt": "Add\n1 2", "completion": "3"},
    "prompt and response": {"prompt": "Add\n1 2", "response": "3", "history": []},
    "prompt and completion as turns": {"prompt": [USER], "completion": [ASSISTANT]},
    "completion as one turn": {"prompt": [USER], "completion": ASSISTANT},
    "prompt beside messages": {"prompt": "other", "messages": [USER, ASSISTANT]},
    "table of mixed rows": {"instruction": None, "output": None, "messages": [USER, ASSISTANT]},
    "preferred text": {"prompt": "Add\n1 2", **PREFERRED},
    "preferred text with input": {"instruction": "Add", "input": "1 2", **PREFERRED},
    "preferred turn": {"prompt": [USER], "chosen": ASSISTANT, "rejected": ASSISTANT},
    "preferred turns": {"prompt": "Add\n1 2", "chosen": [ASSISTANT], "rejected": [ASSISTANT]},
    "preferred conversation": {"prompt": "Add\n1 2", "chosen": [USER, ASSISTANT], "rejected": []},
    "preferred conversation without prompt": {"chosen": [USER, ASSISTANT], "rejected": "x"},
    "preferred transcript": {"chosen": "\n\nHuman: Add\n1 2\n\nAssistant: 3", "rejected": "x"},
    "preferred answer to turns": {
        "conversations": [{"from": "human", "value": "Add\n1 2"}],
        "chosen": {"from": "gpt", "value": "3"}, "rejected": {"from": "gpt", "value": "4"},
    },
}  # fmt: skip

BROKEN = {
    "field 'output' should be text, found null": {"instruction": "a", "output": None},
    "field 'answer' should be text, found an object": {"question": "a", "answer": {"x": "b"}},
    "field 'input' should be text, found a list": {
        "instruction": "a", "input": ["b"], "output": "c"
    },
    "the response is empty (field 'output')": {"instruction": "a", "output": " \n"},
    "the response is empty (field 'answers')": {
        "question": "a", "answers": {"text": [], "answer_start": []}
    },
    "the instruction is empty (field 'instruction')": {"instruction": "", "output": "b"},
    "turn 1 of field 'history' should be a pair of texts, found 1 items": {
        "instruction": "a", "output": "b", "history": [["c"]]
    },
    "field 'history' looks like JSON but is none": {
        "instruction": "a", "output": "b", "history": '[["c"'
    },
    "field 'messages' should be a list of turns, found text": {"messages": "user: a"},
    "field 'messages' is an empty list": {"messages": []},
    "field 'messages' has no turns": {"messages": [{"role": "system", "content": ""}]},
    "the conversation ends with a user turn": {"messages": [USER, ASSISTANT, USER]},
    "field 'conversations' has no user turn": {"conversations": [{"from": "gpt", "value": "a"}]},
    "field 'chosen' has no user turn": PREFERRED,
    "the instruction is empty (the last user turn of field 'messages')": {
        "messages": [USER, ASSISTANT, {"role": "user", "content": ""}, ASSISTANT]
    },
    "labelled as a bad response (field 'label')": {
        "prompt": "a", "completion": "b", "label": False
    },
    "labelled as a bad response (field 'kto_tag')": {
        "messages": [USER, ASSISTANT], "kto_tag": "False"
    },
    "every turn of the assistant has the weight 0": {
        "messages": [USER, {**ASSISTANT, "weight": 0}]
    },
    "its weight is 0: not to be learned (field 'weight')": {
        "instruction": "a", "output": "b", "weight": "0"
    },
    "field 'weight' should be a number from 0, found 'much'": {
        "instruction": "a", "output": "b", "weight": "much"
    },
    "field 'output' is no valid Unicode: half a surrogate pair at character 2": {
        "instruction": "a", "output": "b\ud83d"
    },
    "field 'answer' is 4, but there are 2 choices": {
        "question": "a", "choices": ["b", "c"], "answer": 4
    },
    "field 'completion' has no user turn": {
        "prompt": [ASSISTANT], "completion": "a", "image": "a.png"
    },
}  # fmt: skip


@pytest.mark.parametrize("row", SAME.values(), ids=SAME)
def test_one_conversation_is_one_record_in_every_form(row):
    assert read(row).id == Record.from_instruction("Add", "3", "1 2").id


@pytest.mark.parametrize(("reason", "row"), BROKEN.items(), ids=BROKEN)
def test_broken_rows_say_why(reason, row):
    with pytest.raises(RowError) as error:
        read(row)
    assert str(error.value).startswith(reason)


def test_instruction_and_input_stay_apart():
    for row in (SAME["alpaca"], SAME["dolly"], SAME["preferred text with input"]):
        record = read(row)
        assert (record.instruction, record.input, record.response) == ("Add", "1 2", "3")


def test_earlier_turns_come_before_the_instruction_in_every_form():
    before = [("user", "q"), ("assistant", "a")]
    for history in (
        [["q", "a"]],
        json.dumps([["q", "a"]]),
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        {"role": ["user", "assistant"], "content": ["q", "a"]},
        [{"prompt": "q", "response": "a"}],
        ["q", "a"],
    ):
        for row in (
            {"instruction": "Go on", "output": "b"},
            {"prompt": "Go on", "response": "b"},
            {"prompt": "Go on", "chosen": "b", "rejected": "c"},
        ):
            assert said(read({**row, "history": history})) == [
                *before, ("user", "Go on"), ("assistant", "b")
            ]  # fmt: skip


def test_rows_that_differ_in_history_system_tools_media_or_reasoning_have_ids_of_their_own():
    row = {"instruction": "Go on.", "output": "That is all."}
    others = [
        {"history": [["Tell me about the Elbe.", "It is a river."]]},
        {"history": [["Tell me about the Oder.", "It is a river."]]},
        {"system": "Be kind."},
        {"tools": [{"name": "map"}]},
        {"image": "a.png"},
        {"image": "b.png"},
        {"audio": "a.png"},
        {"image": {"bytes": b"\xff", "path": None}},
        {"reasoning": "Rivers end."},
        {"weight": 2},
    ]
    ids = {read({**row, **other}).id for other in [{}, *others]}
    assert len(ids) == len(others) + 1


def test_a_system_column_joins_a_system_turn_and_an_empty_one_is_none():
    turns = [{"role": "system", "content": "turn"}, USER, ASSISTANT]
    assert read({"system": "field", "messages": turns}).messages[0].content == "field\n\nturn"
    assert read({"system": "turn", "messages": turns}).messages[0].content == "turn"
    turns[0] = {"role": "system", "content": ""}
    assert read({"system": "field", "messages": turns}).messages[0].content == "field"
    assert len(read({"system": " ", "messages": turns}).messages) == 2


def test_every_text_to_work_on_is_part_of_the_input():
    row = {"instruction": "Judge", "input": "x", "context": "y", "article": "z", "output": "o"}
    assert read(row).input == "x\n\ny\n\nz"


CHOICES = {
    "list and place": (["red", "blue"], 1),
    "list and letter": (["red", "blue"], "B"),
    "letters": ({"A": "red", "B": "blue"}, "B"),
    "texts and labels": ({"text": ["red", "blue"], "label": ["A", "B"]}, "B"),
    "json in a cell": ('["red", "blue"]', "B"),
}


@pytest.mark.parametrize(("choices", "answer"), CHOICES.values(), ids=CHOICES)
def test_choices_are_named_and_the_answer_is_said_in_full(choices, answer):
    name = "answerKey" if "texts" in str(choices) else "answer"
    record = read({"question": "Which is cold?", "choices": choices, name: answer})
    assert record.prompt == "Which is cold?\nA. red\nB. blue"
    assert (record.instruction, record.response) == ("Which is cold?", "B. blue")


def test_labels_of_choices_may_be_numbers_and_an_answer_in_words_stays():
    choices = {"text": ["red", "blue"], "label": ["1", "2"]}
    assert read({"question": "?", "choices": choices, "answerKey": "2"}).response == "2. blue"
    assert read({"question": "?", "choices": choices, "answer": "blue"}).response == "blue"


def test_tool_calls_and_tools_are_part_of_the_conversation():
    tools = [{"name": "area"}]
    turns = [
        {"from": "human", "value": "Area?"},
        {"from": "function_call", "value": '{"name": "area", "arguments": {"a": 5}}'},
        {"from": "observation", "value": "15"},
        {"from": "gpt", "value": "It is 15."},
    ]
    for column in (tools, json.dumps(tools), [json.dumps(tools[0])], tools[0]):
        record = read({"conversations": turns, "system": "s", "tools": column})
        assert record.conversation.tools == ('{"name": "area"}',)
    assert [turn.role for turn in record.messages] == [
        "system", "user", "assistant", "tool", "assistant"
    ]  # fmt: skip
    assert record.messages[2].tool_calls == (ToolCall("area", '{"a": 5}'),)
    assert record.response == "It is 15."
    assert read({"conversations": turns, "tools": "a calculator"}).conversation.tools == (
        "a calculator",
    )


def test_calls_may_be_the_answer():
    calls = [{"name": "weather", "arguments": {"city": "Bonn"}}]
    for answers in (calls, json.dumps(calls)):
        record = read({"query": "Rain?", "answers": answers, "tools": '[{"name": "weather"}]'})
        assert record.reply.tool_calls == (ToolCall("weather", '{"city": "Bonn"}'),)


def test_weights_decide_which_turn_is_the_reply():
    late = [USER, {**ASSISTANT, "weight": 1}, USER, {**ASSISTANT, "content": "9", "weight": 0}]
    record = read({"messages": late})
    assert said(record) == [("user", "Add\n1 2"), ("assistant", "3")]
    assert record.reply.weight == 1
    for off in ({"loss": False}, {"train": "false"}, {"weight": "0"}):
        assert read({"messages": [*late[:3], {**ASSISTANT, **off}]}).reply.weight == 1
    assert read({"instruction": "a", "output": "b", "weight": "0.5"}).reply.weight == 0.5


def test_reasoning_is_kept_with_its_turn_however_it_is_written():
    plain = [USER, {**ASSISTANT, "reasoning_content": "1 and 2"}]
    for row in (
        {"messages": plain},
        {"messages": [USER, {**ASSISTANT, "thinking": "1 and 2"}]},
        {"messages": [USER, {**ASSISTANT, "content": "<think>\n1 and 2\n</think>\n\n3"}]},
        {"messages": [USER, {**ASSISTANT, "content": "1 and 2\n</think>\n\n3"}]},
        {"instruction": "Add", "input": "1 2", "output": "<think>1 and 2</think>3"},
        {"prompt": "Add\n1 2", "completion": "3", "thoughts": "1 and 2"},
        {"messages": [USER, ASSISTANT], "reasoning": "1 and 2"},
    ):
        assert read(row).reply == Message("assistant", "3", reasoning="1 and 2")


@pytest.mark.parametrize("text", ["<think>never closed", "Well. <think>a</think> b", "a <think> b"])
def test_what_is_no_block_at_the_start_stays_text(text):
    assert read({"instruction": "a", "output": text}).reply == Message("assistant", text)


def test_media_in_columns_go_to_the_first_user_turn():
    row = {"messages": [USER, ASSISTANT], "images": ["a.png", {"path": "b.png", "bytes": None}]}
    record = read({**row, "video": "c.mp4"})
    kinds = [Media("image", "a.png"), Media("image", "b.png"), Media("video", "c.mp4")]
    assert list(record.conversation.media) == kinds
    assert record.messages[0].media == tuple(kinds)
    content = read({**row, "images": [{"bytes": b"png"}]}).conversation.media[0].reference
    assert content.startswith("sha256:")


def test_what_is_seen_but_not_used_is_named():
    ignored: set[str] = set()
    rows = [
        {"question": "a", "answer": ["b", "c"]},
        {"instruction": "a", "output": "b", "label": 3},
        {"messages": [USER, {**ASSISTANT, "logprobs": [1]}]},
        {"messages": [USER, ASSISTANT], "chosen": "x"},
        {"prompt": "a", "completion": "<think>b</think>c", "reasoning": "d"},
    ]
    for row in rows:
        read(row, ignored=ignored)
    assert ignored == {"answer[1:]", "label", "messages[].logprobs", "chosen", "reasoning"}


def test_a_record_knows_its_source_and_row():
    row = SAME["alpaca"]
    record = record_of(row, Layout().assign(row), source="s", row=4, raw=row)
    assert (record.source, record.row, record.raw) == ("s", 4, row)


def test_ids_of_plain_rows_are_those_of_the_first_release():
    assert read({"instruction": "Name a tree", "output": "Oak"}).id == (
        "a761ff747d1d652b7536667194975afc"
    )

"""Rows become records, whatever schema they are written in, or say why they cannot."""

from __future__ import annotations

import pytest

from mods.data.layout import Layout
from mods.data.schemas import SCHEMAS, understood
from mods.data.values import RowError
from mods.records import Record

USER, ASSISTANT = {"role": "user", "content": "Add\n1 2"}, {"role": "assistant", "content": "3"}

SAME = {
    "alpaca": {"instruction": "Add", "input": "1 2", "output": "3"},
    "alpaca without input": {"instruction": "Add\n1 2", "input": "", "output": "3"},
    "alpaca, null input": {"instruction": "Add\n1 2", "input": None, "output": "3"},
    "dolly": {"instruction": "Add", "context": "1 2", "response": "3", "category": "qa"},
    "question and answer": {"question": "Add\n1 2", "answer": "3"},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Add\n1 2"}, {"from": "gpt", "value": "3"}]
    },
    "messages": {"messages": [USER, ASSISTANT], "tools": None},
    "messages in parts": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Add\n1 2"}]}, ASSISTANT]
    },
    "turns with both spellings": {
        "messages": [
            {"role": None, "content": None, "from": "Human", "value": "Add\n1 2"},
            {"role": "assistant", "content": "3", "from": None, "value": None},
        ]
    },
    "prompt and completion": {"prompt": "Add\n1 2", "completion": "3"},
    "prompt and completion as turns": {"prompt": [USER], "completion": [ASSISTANT]},
    "prompt beside messages": {"prompt": "other", "messages": [USER, ASSISTANT]},
    "table of mixed rows": {"instruction": None, "output": None, "messages": [USER, ASSISTANT]},
}

BROKEN = {
    "missing field 'output' of schema alpaca": {"instruction": "a", "input": "b"},
    "missing field 'completion' of schema prompt-completion": {"prompt": "a", "rejected": "b"},
    "no field of any schema (fields: text)": {"text": "a"},
    "no field of any schema (fields: none)": {},
    "field 'output' should be text, found a number": {"instruction": "a", "output": 3},
    "field 'output' should be text, found null": {"instruction": "a", "output": None},
    "field 'answer' should be text, found an object": {"question": "a", "answer": {"text": "b"}},
    "field 'input' should be text, found a list": {
        "instruction": "a",
        "input": ["b"],
        "output": "c",
    },
    "the response is empty (field 'output')": {"instruction": "a", "output": " \n"},
    "the instruction is empty (field 'instruction')": {"instruction": "", "output": "b"},
    "pair 1 of field 'history' should be a pair of texts, found 1 items": {
        "instruction": "a",
        "output": "b",
        "history": [["c"]],
    },
    "field 'messages' should be a list of turns, found text": {"messages": "user: a"},
    "field 'messages' is an empty list": {"messages": []},
    "turn 1 of field 'messages' should be an object, found text": {"messages": ["a"]},
    "turn 1 of field 'messages' has no role": {"messages": [{"content": "a"}]},
    "turn 1 of field 'messages' has no text": {"messages": [{"role": "user"}]},
    "turn 1 of field 'messages' has the unknown role 'judge'": {
        "messages": [{"role": "judge", "content": "a"}]
    },
    "'content' of turn 1 of field 'messages' should be text or a list of text parts, found null": {
        "messages": [{"role": "assistant", "content": None}]
    },
    "part 2 of 'content' of turn 1 of field 'messages' is no text but 'image_url'": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}
        ]
    },
    "turn 2 of field 'messages' has tool calls": {
        "messages": [USER, {"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}]}]
    },
    "field 'messages' ends with a user turn": {"messages": [USER, ASSISTANT, USER]},
    "field 'conversations' has no user turn": {"conversations": [{"from": "gpt", "value": "a"}]},
    "the instruction is empty (the last user turn of field 'messages')": {
        "messages": [USER, ASSISTANT, {"role": "user", "content": ""}, ASSISTANT]
    },
    "field 'output' is no valid Unicode: half a surrogate pair at character 2": {
        "instruction": "a",
        "output": "b\ud83d",
    },
}


def read(row: dict) -> Record:
    layout = Layout()
    return layout.to_record(row, layout.recognise(row))


@pytest.mark.parametrize("row", SAME.values(), ids=SAME)
def test_one_conversation_is_one_record_in_every_schema(row):
    record = read(row)
    assert record.id == Record.from_instruction("Add", "3", "1 2").id
    assert record.raw is row


@pytest.mark.parametrize(("reason", "row"), BROKEN.items(), ids=BROKEN)
def test_broken_rows_say_why(reason, row):
    with pytest.raises(RowError) as error:
        read(row)
    assert str(error.value).startswith(reason)


def test_instruction_and_input_stay_apart():
    record = read({"instruction": "Add", "input": "1 2", "output": "3"})
    assert (record.instruction, record.input, record.response) == ("Add", "1 2", "3")


def test_nan_in_an_empty_cell_is_null():
    nan = float("nan")
    record = read({"instruction": "Add", "input": nan, "output": "3", "system": nan, "prompt": nan})
    assert record.id == Record.from_instruction("Add", "3").id
    assert read({"response": "3", "output": nan, "question": "Add"}).response == "3"
    with pytest.raises(RowError, match="'output' should be text, found null"):
        read({"instruction": "Add", "output": nan})


def test_roles_are_normalised():
    names = ["system", "human", "function_call", "observation", "Bing"]
    record = read({"conversations": [{"from": n, "value": n} for n in names]})
    assert [m.role for m in record.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert record.instruction == "human"


def test_history_and_system_come_before_the_instruction():
    history = [["q1", "a1"], ["q2", "a2"]]
    record = read({"system": "s", "history": history, "instruction": "q3", "output": "a3"})
    assert [m.content for m in record.messages] == ["s", "q1", "a1", "q2", "a2", "q3", "a3"]
    assert record.instruction == "q3"


def test_a_system_turn_wins_over_a_system_field():
    turns = [{"role": "system", "content": "turn"}, USER, ASSISTANT]
    assert read({"system": "field", "messages": turns}).messages[0].content == "turn"
    assert read({"system": "field", "messages": turns[1:]}).messages[0].content == "field"


def test_every_schema_is_described():
    assert all(f"{name} (" in understood() for name in SCHEMAS)
    assert "alpaca (instruction, output; optional input, system, history)" in understood()

"""Prompts: questions in any schema, with a reference or without; none is passed over."""

import pytest

from mods import DataError
from mods.data.prompts import read_prompts

TURN = {"role": "user", "content": "Name a tree"}
ANSWER = {"role": "assistant", "content": "Oak"}


@pytest.mark.parametrize(
    ("row", "asked", "reference"),
    [
        ({"instruction": "Add", "input": "1 2", "reference": None, "id": "a"}, "Add\n1 2", None),
        ({"instruction": "Add", "input": "", "reference": "3"}, "Add", "3"),
        ({"instruction": "Add", "output": " "}, "Add", None),
        ({"instruction": "Add", "output": "4"}, "Add", "4"),
        ({"instruction": "Add", "output": "4", "reference": "3"}, "Add", "3"),
        ({"prompt": "Add"}, "Add", None),
        ({"prompt": [TURN]}, "Name a tree", None),
        ({"question": "Which?", "choices": ["x", "y"], "answer": 1}, "Which?\nA. x\nB. y", "B. y"),
        ({"question": "Which?", "choices": ["x", "y"]}, "Which?\nA. x\nB. y", None),
        ({"messages": [TURN]}, "Name a tree", None),
        ({"messages": [TURN], "reference": "Elm"}, "Name a tree", "Elm"),
        ({"messages": [TURN, ANSWER]}, "Name a tree", "Oak"),
        ({"conversations": [{"from": "human", "value": "Name a tree"}]}, "Name a tree", None),
        ({"conversations": ["Name a tree"]}, "Name a tree", None),
        ({"messages": '[{"role": "user", "content": "Name a tree"}]'}, "Name a tree", None),
        ({"prompt": "Name a tree", "chosen": "Oak", "rejected": "Tin"}, "Name a tree", "Oak"),
    ],
)
def test_a_row_is_a_prompt_with_a_reference_or_without(readers, write, row, asked, reference):
    (prompt,) = read_prompts([write("asked.jsonl", row)], readers)
    assert (prompt.set, prompt.row) == ("asked", 1)
    assert (prompt.conversation.prompt, prompt.reference) == (asked, reference)


def test_several_turns_and_a_system_text_are_all_of_the_question(readers, write):
    turns = [TURN, ANSWER, {"role": "user", "content": "Another"}]
    (prompt,) = read_prompts([write("a.jsonl", {"messages": turns, "system": "Short"})], readers)
    roles = [turn.role for turn in prompt.conversation.turns]
    assert roles == ["system", "user", "assistant", "user"]
    assert prompt.conversation.instruction == "Another"


def test_sets_are_named_by_their_files_and_apart(readers, write):
    row = {"instruction": "Add"}
    files = [write("one/test.jsonl", row), write("two/test.jsonl", row), write("koala.jsonl", row)]
    names = [prompt.set for prompt in read_prompts(files, readers)]
    assert names == [files[0], files[1], "koala"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "set.jsonl is empty"),
        (["", " "], "set.jsonl holds no prompts"),
        ([{"instruction": "Add"}, "{"], "set.jsonl, row 2: no prompt: not JSON"),
        ([{"instruction": " "}], "row 1: no prompt: the instruction is empty"),
        ([{"text": "Add"}], r"row 1: no prompt: no field asks anything \(fields: text;"),
    ],
)
def test_what_asks_nothing_is_an_error_that_names_the_file(readers, write, lines, message):
    with pytest.raises(DataError, match=message):
        read_prompts([write("set.jsonl", *lines)], readers)

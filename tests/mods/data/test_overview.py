from __future__ import annotations

import json

from mods.data.reading import read_rows


def told(*rows, **options):
    reading = read_rows(rows, source="s", **options)
    return reading.views["s"], reading.views["s"].told("s")


def test_one_line_says_how_a_source_was_read():
    row = {"question": "a", "answer": "b", "article": "c", "id": 3, "url": "x", "note": None}
    view, lines = told(row)
    assert lines == [
        "s: read as alpaca: instruction=question, output=answer, input=article; not used: id, url"
    ]
    assert view.as_dict() == {
        "schemas": {"alpaca": 1},
        "columns": {
            "alpaca": {"instruction": ["question"], "output": ["answer"], "input": ["article"]}
        },
        "unused": {"id": 1, "url": 1},
        "ignored": [],
        "parts": {},
    }
    assert json.dumps(view.as_dict())


def test_unused_columns_that_usually_carry_meaning_are_said_loudly():
    rows = [{"prompt": str(i), "completion": "b", "article": "c" * (i % 2)} for i in range(4)]
    _, lines = told(*rows, {"prompt": "x", "completion": "y", "Context": "c"})
    assert lines[1] == (
        "s: NOT USED, though such a column usually carries meaning: Context (in 1 rows), article "
        "(in 2 rows); give it a part with `columns` FIELD=Context, or drop the column"
    )


def test_mixed_pools_say_every_schema_and_what_their_conversations_hold():
    turns = [
        {"role": "user", "content": "a", "images": ["x.png"]},
        {"role": "assistant", "content": "b", "tool_calls": [{"name": "f"}], "weight": 0},
        {"role": "tool", "content": "c"},
        {"role": "assistant", "content": "d", "thinking": "e", "logprobs": [1]},
    ]
    view, lines = told(
        {"instruction": "a", "output": "b"},
        {"messages": turns, "tools": [{"name": "f"}]},
        {"prompt": "a", "chosen": "c", "rejected": "d"},
    )
    assert lines == [
        "s: read as alpaca: instruction=instruction, output=output; messages: messages=messages, "
        "tools=tools; preference: chosen=chosen, prompt=prompt; kept aside: rejected; not used: "
        "messages[].logprobs",
        "s: the conversations hold media in 1 rows, reasoning in 1 rows, tool calls in 1 rows, "
        "tools in 1 rows, weights in 1 rows",
    ]
    assert view.ignored == {"messages[].logprobs"}


def test_a_source_without_a_usable_row_says_nothing():
    reading = read_rows([{"instruction": "a", "output": ""}, {"instruction": "a", "output": "b"}])
    reading.views["s"] = type(reading.views["<python>"])()
    assert reading.views["s"].told("s") == []

from __future__ import annotations

import pytest

from mods.data.columns import Columns
from mods.data.layout import Layout, missing
from mods.data.values import RowError
from mods.errors import SettingsError
from mods.records import Record

USER, ASSISTANT = {"role": "user", "content": "Add\n1 2"}, {"role": "assistant", "content": "3"}


def read(row: dict, layout: Layout | None = None) -> Record:
    layout = layout or Layout()
    return layout.to_record(row, layout.recognise(row))


def test_columns_say_where_the_fields_are():
    row = {"ask": "a", "say": "b", "context": "c", "prompt": "p", "completion": "q"}
    record = read(row, Layout(columns={"instruction": "ask", "output": "say"}))
    assert (record.instruction, record.input, record.response) == ("a", "c", "b")
    row = {"dialogue": [USER, ASSISTANT]}
    assert read(row, Layout(columns={"messages": "dialogue"})).response == "3"


def test_a_forced_schema_is_the_only_one():
    row = {"messages": [USER, ASSISTANT], "prompt": "p", "completion": "q"}
    assert read(row, Layout("prompt-completion")).response == "q"
    with pytest.raises(RowError, match="missing fields 'instruction' and 'output' of schema alp"):
        read(row, Layout("alpaca"))


@pytest.mark.parametrize(
    ("schema", "columns", "message"),
    [
        ("alpacca", {}, "no schema 'alpacca': choose from messages"),
        (None, {"reply": "a"}, "`columns`: there is no field 'reply': choose from"),
        ("alpaca", {"prompt": "a"}, "no field 'prompt' of schema alpaca"),
        (None, {"system": "a"}, "several schemas: add `schema`, one of messages"),
        (None, {"prompt": "a", "output": "b"}, "belong to no one schema"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(schema, columns, message):
    with pytest.raises(SettingsError, match=message):
        Layout(schema, columns)


def test_a_record_knows_its_source_and_row():
    row = {"prompt": "a", "completion": "b"}
    record = Layout().to_record(row, "prompt-completion", source="s", row=4)
    assert (record.source, record.row) == ("s", 4)


def test_what_is_missing_is_said_of_the_nearest_schema():
    columns = Columns({"completion": "a", "x": 1}, {})
    reason = "missing field 'prompt' of schema prompt-completion (fields: completion, x)"
    assert missing(columns, None) == reason

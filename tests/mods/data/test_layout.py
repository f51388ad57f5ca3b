from __future__ import annotations

import pytest

from mods.data.build import record_of
from mods.data.layout import Layout, alike_by
from mods.data.values import RowError
from mods.errors import SettingsError
from mods.records import Record

USER, ASSISTANT = {"role": "user", "content": "Add"}, {"role": "assistant", "content": "3"}
NAN = float("nan")


def read(row: dict, layout: Layout | None = None) -> Record:
    return record_of(row, (layout or Layout()).assign(row))


def test_columns_say_where_the_fields_are():
    row = {"ask": "a", "say": "b", "context": "c", "prompt": "p", "completion": "q"}
    record = read(row, Layout(columns={"instruction": "ask", "output": "say"}))
    assert (record.instruction, record.input, record.response) == ("a", "c", "b")
    row = {"dialog_of_two": [USER, ASSISTANT]}
    assert read(row, Layout(columns={"messages": "dialog_of_two"})).response == "3"


@pytest.mark.parametrize("columns", [{}, {"instruction": "input"}, {"output": "target"}])
def test_a_column_serves_one_field_only(columns):
    record = read({"input": "Shorten: snow.", "target": "Snow."}, Layout(columns=columns))
    assert (record.prompt, record.input) == ("Shorten: snow.", "")


def test_a_forced_schema_is_the_only_one():
    row = {"messages": [USER, ASSISTANT], "prompt": "p", "completion": "q"}
    assert read(row, Layout("prompt-completion")).response == "q"
    assert Layout("alpaca").assign({"messages": [USER, ASSISTANT]}) is None


@pytest.mark.parametrize("empty", [None, "", [], {}, NAN, ()])
def test_columns_that_hold_nothing_do_not_decide_the_schema(empty):
    rows = [
        {"instruction": "a", "output": "b", "prompt": empty, "completion": empty},
        {"instruction": empty, "output": empty, "prompt": "a", "completion": "b"},
        {"instruction": "a", "output": "b", "messages": empty, "chosen": empty},
    ]
    layout = Layout()
    assert len({read(row, layout).id for row in rows}) == 1


def test_rows_are_alike_if_the_same_columns_hold_something():
    row = {"a": "x", "b": [], "c": 0.5}
    assert alike_by(row) == alike_by({"a": "y", "b": [], "c": 2.0})
    assert alike_by(row) != alike_by({"a": "y", "b": [1], "c": 2.0})
    assert alike_by(row) != alike_by({"a": "y", "b": [], "c": NAN})
    assert alike_by({"a": "x"}) != alike_by({"b": "x"})


@pytest.mark.parametrize(
    ("schema", "columns", "message"),
    [
        ("alpacca", {}, "no schema 'alpacca': choose from messages"),
        (None, {"reply": "a"}, "`columns`: there is no field 'reply': choose from"),
        ("alpaca", {"prompt": "a"}, "no field 'prompt' of schema alpaca"),
        (None, {"system": "a"}, "several schemas: add `schema`, one of messages"),
        (None, {"completion": "a", "output": "b"}, "belong to no one schema"),
        (None, {"instruction": "a", "output": "a"}, "a column can serve one field only"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(schema, columns, message):
    with pytest.raises(SettingsError, match=message):
        Layout(schema, columns)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"completion": "a", "x": 1}, "missing field 'prompt' of schema prompt-completion (fields"),
        ({"Instruction": "a"}, "missing field 'output' of schema alpaca (fields: Instruction)"),
        ({"text": "a"}, "no field of any schema (fields: text)"),
        ({}, "no field of any schema (fields: none)"),
    ],
)
def test_what_is_missing_is_said_of_the_nearest_schema(row, reason):
    assert Layout().assign(row) is None
    assert Layout().missing(row).startswith(reason)


def test_names_of_columns_must_be_text():
    row = {"instruction": "a", "output": "b", (1, 2): 3}
    assert Layout().assign(row) is None
    with pytest.raises(RowError, match=r"the name of a field should be text, found \(1, 2\)"):
        Layout().check(row)

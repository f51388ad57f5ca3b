from __future__ import annotations

import pytest

from mods.data.columns import FIELDS, Columns
from mods.data.schemas import SCHEMAS
from mods.data.values import RowError


def test_every_field_of_every_schema_has_columns():
    fields = {f for schema in SCHEMAS.values() for f in schema.required + schema.optional}
    assert fields == set(FIELDS)


def test_a_column_with_a_value_comes_before_one_that_is_there():
    columns = Columns({"output": None, "answer": "b", "question": None, "x": 1}, {"input": "x"})
    assert columns.column("output") == "answer"
    assert columns.column("instruction") == "question"
    assert columns.column("history") == "history"
    assert columns.column("input") == "x"
    assert columns.names == ["output", "answer", "question", "x"]
    fields = ("output", "instruction", "history")
    assert [columns.has_value(name) for name in fields] == [True, False, False]
    assert [columns.has_column(name) for name in fields] == [True, True, False]


def test_texts_are_checked():
    columns = Columns({"instruction": 3, "input": None}, {})
    assert columns.optional_text("input") == ""
    with pytest.raises(RowError, match="field 'instruction' should be text, found a number"):
        columns.text("instruction")

from __future__ import annotations

import pytest

from mods.data.found import Found
from mods.data.layout import Layout
from mods.data.values import RowError


def assigned(row):
    return Layout().assign(row)


def test_plain_rows_are_a_question_and_its_answer():
    row = {"question": "a", "context": "b", "answer": "c", "id": 1}
    assert assigned(row).plain == ("question", "context", "answer")
    assert assigned({"prompt": "a", "response": "c"}).plain == ("prompt", None, "response")


@pytest.mark.parametrize(
    "more", [{"system": "s"}, {"context": "d", "input": "e"}, {"label": True}, {"weight": 1}]
)
def test_rows_with_more_than_that_are_not_plain(more):
    assert assigned({"instruction": "a", "output": "b", **more}).plain is None
    assert assigned({"messages": ["a", "b"]}).plain is None


def test_an_assignment_says_which_column_is_what():
    row = {"question": "a", "context": "b", "article": "c", "answer": "d", "id": 1, "note": None}
    found = assigned(row)
    assert found.described == "alpaca: instruction=question, output=answer, input=context+article"
    assert found.unused == ("id",)


def test_fields_are_asked_for_by_name():
    found = Found({"q": 3, "x": ["a"]}, {"instruction": ("q",), "output": ("x",)}, set())
    assert (found.text("instruction"), found.text("system")) == ("3", "")
    assert (found.value("output"), found.value("system")) == (["a"], None)
    assert (found.where("output"), found.where("tools")) == ("field 'x'", "field 'tools'")
    with pytest.raises(RowError, match="field 'x' should be text, found a list"):
        found.text("output")
    found.ignore("output", "[1:]")
    assert found.ignored == {"x[1:]"}

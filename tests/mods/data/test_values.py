from __future__ import annotations

import json

import numpy as np
import pytest

from mods.data.values import (
    RowError,
    as_json,
    as_list,
    as_text,
    as_weight,
    is_empty,
    native,
    opened,
    rows_of,
)


def test_quarantine_text_can_always_be_written():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    for data in ({"a": "\ud83d"}, {"a": deep}, {"a": {1, 2}}, {(1, 2): "b"}, {"a": float("nan")}):
        assert as_json(data).encode("utf-8")


def test_quarantine_text_is_json_where_it_can_be():
    assert as_json({"a": "é\ud83d", "n": 1}) == '{"a": "é\\ud83d", "n": 1}'
    assert as_json({(1, 2): "b"}) == "{(1, 2): 'b'}"


def test_empty_is_null_nan_and_nothing_in_it():
    pandas = pytest.importorskip("pandas")
    nulls = (None, float("nan"), np.float32("nan"), pandas.NA, pandas.NaT)
    assert all(map(is_empty, (*nulls, "", [], (), {}, b"", np.array([]))))
    assert not any(map(is_empty, (0, 0.0, False, "nan", " ", [None], np.array([1, 2]), object())))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (4, "4"), (0.5, "0.5"), (True, "true"), (10**30, "1" + "0" * 30)],
)
def test_numbers_and_truth_are_texts_as_json_writes_them(value, text):
    assert as_text(value, "x") == text


def test_a_text_and_a_list_or_the_reason():
    assert as_list((1,), "x", "a list") == (1,)
    assert as_list("[1]", "x", "a list") == [1]
    with pytest.raises(RowError, match=r"^x should be text, found null$"):
        as_text(None, "x")
    with pytest.raises(RowError, match=r"^x should be a pair, found text$"):
        as_list("ab", "x", "a pair")
    with pytest.raises(RowError, match="no valid Unicode: half a surrogate pair at character 2"):
        as_text("a\udc00", "x")


def test_json_in_a_cell_is_opened_and_other_text_stays():
    assert opened(' [["a", "b"]]', "x") == [["a", "b"]]
    assert opened("a [b]", "x") == "a [b]"
    with pytest.raises(RowError, match="x looks like JSON but is none"):
        opened("[a", "x")
    with pytest.raises(RowError, match="x looks like JSON but is none"):
        opened("[" * 100_000, "x")


def test_objects_of_lists_are_lists_of_objects():
    assert rows_of({"a": [1, 2], "b": [3, 4]}) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert rows_of({"a": [1], "b": [3, 4]}) is None
    assert rows_of({"a": 1}) is None
    assert rows_of({}) is None


def test_weights_in_every_form():
    forms = ((1, 1.0), ("0.5", 0.5), (True, 1.0), ("False", 0.0), ("true", 1.0))
    assert [as_weight(value, "x") for value, _ in forms] == [weight for _, weight in forms]
    for value in (-1, "much", None, [1], float("inf"), float("nan")):
        with pytest.raises(RowError, match="x should be a number from 0, found"):
            as_weight(value, "x")


def test_arrays_become_lists_whatever_they_lie_in():
    row = {"a": np.array([{"b": np.array([1, 2])}], object), "c": np.float64(0.5), "d": "e"}
    assert json.dumps(native(row)) == '{"a": [{"b": [1, 2]}], "c": 0.5, "d": "e"}'

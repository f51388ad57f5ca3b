from __future__ import annotations

import pytest

from mods.data.values import RowError, as_json, as_list, as_text, is_null


def test_quarantine_text_can_always_be_written():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    for data in ({"a": "\ud83d"}, {"a": deep}, {"a": {1, 2}}, {(1, 2): "b"}, {"a": float("nan")}):
        assert as_json(data).encode("utf-8")


def test_quarantine_text_is_json_where_it_can_be():
    assert as_json({"a": "é\ud83d", "n": 1}) == '{"a": "é\\ud83d", "n": 1}'
    assert as_json({(1, 2): "b"}) == "{(1, 2): 'b'}"


def test_null_is_none_or_nan():
    assert all(map(is_null, (None, float("nan"))))
    assert not any(map(is_null, (0.0, "", "nan", False, [])))


def test_a_text_and_a_list_or_the_reason():
    assert as_text("a", "x") == "a"
    assert as_list((1,), "x", "a list") == (1,)
    with pytest.raises(RowError, match=r"^x should be text, found true or false$"):
        as_text(True, "x")
    with pytest.raises(RowError, match=r"^x should be a pair, found text$"):
        as_list("ab", "x", "a pair")
    with pytest.raises(RowError, match="no valid Unicode: half a surrogate pair at character 2"):
        as_text("a\udc00", "x")

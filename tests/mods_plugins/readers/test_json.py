"""JSON in all its layouts; arrays are tested in `test_json_array`."""

from __future__ import annotations

import json

import pytest
from reader_files import DEEP, ROWS, read, rows

from mods import DataError
from mods_plugins.readers import json as reading


def test_one_conversation_is_a_row_not_a_wrapper(tmp_path):
    row = {"messages": [{"role": "user", "content": "a"}]}
    assert rows(read(tmp_path / "a.json", json.dumps(row, indent=2))) == [row]
    assert rows(read(tmp_path / "a.json", json.dumps(row))) == [row]


def test_an_array_of_texts_is_no_array_of_rows(tmp_path):
    row = {"tags": ["a", "b"], "instruction": "x"}
    assert rows(read(tmp_path / "a.json", json.dumps(row, indent=2))) == [row]


def test_what_is_no_object_in_the_array_of_a_document_is_broken(tmp_path):
    one, two = read(tmp_path / "a.json", '{"data": [{"a": 1}, [2]]}')
    assert one.data == {"a": 1}
    assert (two.row, two.reason, two.text) == (2, "expected an object, found a list", "[2]")


def test_rows_of_a_document_are_kept_as_they_are_written(tmp_path):
    text = '{"version": "[1]", "data" :\n [{"b": 1e999, "a": "\\u00e9"}, {"a": 0.10}], "more": {}}'
    one, two = read(tmp_path / "a.json", text)
    assert (one.text, two.text) == (b'{"b": 1e999, "a": "\\u00e9"}', b'{"a": 0.10}')
    (row,) = read(tmp_path / "a.json", '\ufeff{"instruction": "a",\n "n": 1.50}\n')
    assert row.text == b'{"instruction":"a","n":1.50}'


def test_a_document_over_the_limit_is_refused(tmp_path):
    rows = ", ".join([json.dumps({"a": "x" * 999})] * 9000)
    with pytest.raises(DataError, match=r"one JSON document of more than 8 MB: write its rows as"):
        read(tmp_path / "a.json", '{"data":\n[' + rows + "]}", max_row_mb=1)


UNREADABLE = {
    "cut.json": (json.dumps(ROWS, indent=4)[:39], "line 3, column 24: Unterminated string.*fetch"),
    "page.json": ("<html>", "line 1, column 1: Expecting value"),
    "two.json": ('{"a": [{}], "b": [{}]}', r"several arrays of rows \(a, b\)"),
    "deep.json": ('{"a": ' + DEEP + "}", "nested too deeply"),
    "latin.json": (b'{"a":\n"\xff"}', r"not UTF-8 \(byte 8\); it may be cp1252: try `encoding`"),
    "bytes.json": (b'{"a":\n"\xc3\xa9\xff"}', r"not UTF-8 \(byte 10\)"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / name, content)
    assert name in str(error.value)


def test_it_is_registered():
    made = {}
    reading.register_readers(made.__setitem__)
    assert made == {"json": reading.JsonReader}

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_files import DEEP, HUGE

from mods import BrokenRow, RawRow
from mods_plugins.readers.files import BOM, FileReader
from mods_plugins.readers.json_rows import (
    line_row,
    line_rows,
    names_twice,
    not_json,
    on_one_line,
    too_much,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda item: st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=3), item),
    max_leaves=6,
)


@given(st.lists(st.binary(max_size=9) | st.just(b'{"a": 1}')))
def test_every_line_is_a_row_or_broken_or_blank(lines):
    lines = [line.replace(b"\n", b"") for line in lines]
    found = list(line_rows(io.BytesIO(b"\n".join(lines)), FileReader()))
    blank = [not line.removeprefix(BOM if i == 0 else b"").strip() for i, line in enumerate(lines)]
    assert [row.row for row in found] == [i for i, empty in enumerate(blank, 1) if not empty]
    assert all(isinstance(row, RawRow) or row.text.encode() for row in found)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.sampled_from([None, 1]))
def test_any_object_is_read_as_json_reads_it_with_null_for_what_is_no_number(data, indent):
    text = json.dumps(data, indent=indent)
    expected = json.loads(text, parse_constant=lambda _: None)
    row = line_row(1, on_one_line(text.encode()))
    assert isinstance(row, RawRow)
    assert row.data == expected
    assert b"\n" not in row.text
    assert json.loads(row.text) == expected


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 1e999}',
        b'{"a": 0.1000000000000000055511151231257827, "b": 3.10}',
        b'{"z":1,"a":2}',
        b'{"a": "\\u00e9\\/\\ud83d\\ude00 \\ud83d"}',
        b'{"a" : 1, "b"\t: 2}',
        b'{"a": 123456789012345678901234567890}',
    ],
)
def test_a_row_is_kept_as_it_is_written(line):
    assert line_row(1, line) == RawRow(1, json.loads(line), line)


def test_what_is_no_number_becomes_null_and_texts_stay():
    row = line_row(1, b'{"a": NaN, "b": [-Infinity, "NaN \\" Infinity"], "c": 1.50}')
    assert row.text == b'{"a": null, "b": [null, "NaN \\" Infinity"], "c": 1.50}'
    assert row.data == {"a": None, "b": [None, 'NaN " Infinity'], "c": 1.5}


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 1, "a": 2}',
        b'{"a" : 1, "a" : 2}',
        b'{"a":1,"a"  :2}',
        b'{"a":1,"\\u0061":2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'{"b": [{"a": 1, "a": NaN}]}',
    ],
)
def test_a_field_that_stands_twice_breaks_its_row(line):
    row = line_row(1, line)
    assert isinstance(row, BrokenRow)
    assert row.reason == "the field 'a' stands twice"
    assert names_twice(line) == "a"


def test_lines_that_are_no_rows_say_why():
    reasons = {
        b'{"a": ': "not JSON: Expecting value at column 7",
        b"[1]": "expected an object, found a list",
        b"NaN": "expected an object, found a number",
        b'{"a": "\xff"}': "not UTF-8: invalid start byte at byte 8 of the line",
        f'{{"a": {DEEP}}}'.encode(): "not readable: the JSON is nested too deeply",
    }
    for line, reason in reasons.items():
        assert line_row(1, line).reason == reason
    assert "limit" in line_row(1, f'{{"a": {HUGE}}}'.encode()).reason


def test_long_lines_are_set_aside_without_being_kept():
    lines = b'{"a": "' + b"x" * (2 << 20) + b'"}\n{"a": "b"}\n'
    one, two = line_rows(io.BytesIO(lines), FileReader(max_row_mb=1))
    assert one.reason == "2 MB or more, the limit is 1 MB (`max_row_mb`)"
    assert len(one.text) < 2000
    assert (two.row, two.data) == (2, {"a": "b"})


def test_rows_of_several_lines_become_one_line():
    assert on_one_line(b'{\n "a b": [1,\r\n 2]\n}') == b'{"a b":[1,2]}'
    assert on_one_line(b'{ "a": 1 }') == b'{ "a": 1 }'


def test_messages_are_one_line():
    assert too_much(ValueError("so\nlong")) == "not readable: so"
    assert too_much(RecursionError("deep")) == "not readable: the JSON is nested too deeply"
    assert str(not_json("a.json", "Extra data", 2, 3)).startswith(
        "a.json is not JSON at line 2, column 3: Extra data. "
    )

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_files import DEEP, HUGE, broken, read, rows

from mods import DataError
from mods_plugins.readers import json_array


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=4),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.text(max_size=9),
                lambda item: (
                    st.lists(item, max_size=3)
                    | st.dictionaries(st.text(max_size=3), item, max_size=3)
                ),
                max_leaves=6,
            ),
            max_size=3,
        ),
        max_size=6,
    ),
    st.integers(1, 40),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_arrays_are_read_in_pieces_of_any_size(data, piece, indent, ascii):
    text = json.dumps(data, indent=indent, ensure_ascii=ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "PIECE", piece)
        array = json_array.ArrayText(io.StringIO(text), "a.json", 1 << 20)
        assert rows(list(array.rows())) == data


@pytest.mark.parametrize("piece", [16, 1 << 20])
def test_broken_rows_of_a_json_array(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(json_array, "PIECE", piece)
    items = [b'{"a": 1}', b"[1]", b"null", b'{"a": "\xff \xc3\xa9"}', f'{{"a": {HUGE}}}'.encode()]
    items += [DEEP.encode(), HUGE.encode(), b'"a, ]"', b'{"a": 2}']
    result = read(tmp_path / "a.json", b"[" + b" ,\n".join(items) + b"]")
    found = broken(result)
    assert [row.row for row in result] == list(range(1, 10))
    assert found[2] == ("expected an object, found a list", "[1]")
    assert found[4] == ("not UTF-8", '{"a": "\\xff é"}')
    assert "limit" in found[5][0]
    assert found[6] == ("not readable: the JSON is nested too deeply", DEEP)
    assert found[7][1] == HUGE
    assert found[8] == ("expected an object, found text", '"a, ]"')
    assert result[8].data == {"a": 2}


@pytest.mark.parametrize("piece", [7, 1 << 10])
def test_a_row_over_the_limit_is_set_aside_and_the_next_is_read(monkeypatch, piece):
    monkeypatch.setattr(json_array, "PIECE", piece)
    for long in ({"a": ["x\\", '"]}', {"b": "\\" * 999}] * 5}, "y\\" * 3000, [{"a": {}}] * 999):
        text = json.dumps([{"a": 1}, long, {"a": 2}])
        one, two, three = json_array.ArrayText(io.StringIO(text), "a.json", 2000).rows()
        assert (one.data, three.row, three.data) == ({"a": 1}, 3, {"a": 2})
        assert two.reason == "larger than 0 MB (`max_row_mb`)"
        assert len(two.text) < 1100
    with pytest.raises(DataError, match="a number without end"):
        list(json_array.ArrayText(io.StringIO("[" + "1" * 9000), "a.json", 2000).rows())
    with pytest.raises(DataError, match="ends in the middle of a row"):
        list(json_array.ArrayText(io.StringIO('[{"a": "' + "1" * 9000), "a.json", 2000).rows())


def test_rows_are_kept_as_they_are_written_on_one_line(tmp_path):
    text = '[{\n  "b": 1e999,\n  "a": "x  \\n y"\n}, {"a" : 0.10}]'
    one, two = read(tmp_path / "a.json", text)
    assert (one.text, two.text) == (b'{"b":1e999,"a":"x  \\n y"}', b'{"a" : 0.10}')


UNREADABLE = {
    "cut-between.json": ('[{"a": 1},\n', "line 2, column 1: the file ends in the middle of the"),
    "cut-row.json": ("[" + DEEP[:-1], "column 2: the file ends in the middle of a row"),
    "syntax.json": ('[{"a": 1},\n{"a": x}]', "line 2, column 7: Expecting value"),
    "commas.json": ('[{"a": 1}\n{"a": 2}]', "line 2, column 1: expected ']', found '{'"),
    "more.json": ("[]\n[]", "line 2, column 1: there is more after the end of the array"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / name, content)
    assert name in str(error.value)

from __future__ import annotations

import pytest
from reader_files import broken, read, rows

from mods import DataError
from mods_plugins.readers import csv


def test_broken_rows_of_csv(tmp_path):
    lines = [b"a,b", b"1,2", b"", b"1", b"1,2,3", b'"1"x,2', b'"\xff",2', b'"1', b'2",3', b'"1,2']
    result = read(tmp_path / "a.csv", b"\n".join(lines))
    assert [row.row for row in result] == list(range(1, 8))
    assert (result[0].data, result[5].data) == ({"a": "1", "b": "2"}, {"a": "1\n2", "b": "3"})
    reasons = [reason for reason, _ in broken(result).values()]
    assert reasons[:2] == [f"expected 2 values as in the header, found {n}" for n in (1, 3)]
    assert reasons[2].startswith("not CSV: ',' expected after")
    assert reasons[3:] == ["not UTF-8", "not CSV: unexpected end of data"]
    assert result[4].text == '"\\xff",2\n'


def test_long_csv_values_are_read(tmp_path):
    assert rows(read(tmp_path / "a.csv", "a\n" + "x" * 1_000_000)) == [{"a": "x" * 1_000_000}]


UNREADABLE = {
    "twice.csv": ("a,a\n1,2", "names column 'a' twice"),
    "blank.csv": ("\n1,2", "no header line"),
    "quote.csv": ('"a', "header line is not CSV"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / name, content)
    assert name in str(error.value)


def test_it_is_registered():
    made = {}
    csv.register_readers(made.__setitem__)
    assert made == {"csv": csv.CsvReader}

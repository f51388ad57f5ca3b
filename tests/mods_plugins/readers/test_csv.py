from __future__ import annotations

import pytest
from reader_files import broken, read, rows

from mods import DataError
from mods_plugins.readers import csv


def test_broken_rows_of_csv(tmp_path):
    lines = [
        b"a,b",
        b"1,2",
        b"",
        b"1",
        b"1,2,3",
        b'"1"x,2',
        b'"\xff\xc3\xa9",2',
        b'"1',
        b'2",3',
        b'"1,2',
    ]
    result = read(tmp_path / "a.csv", b"\n".join(lines))
    assert [row.row for row in result] == list(range(1, 8))
    assert (result[0].data, result[5].data) == ({"a": "1", "b": "2"}, {"a": "1\n2", "b": "3"})
    reasons = [reason for reason, _ in broken(result).values()]
    assert reasons[:2] == [f"expected 2 values as in the header, found {n}" for n in (1, 3)]
    assert reasons[2].startswith("not CSV: ',' expected after")
    assert reasons[3:] == ["not UTF-8", "not CSV: unexpected end of data"]
    assert result[4].text == '"\\xffé",2\n'


TSV = {
    "quotes are text": (
        'a\tb\n"Why?" he said\tx\n"Go on\ty\nI see"\tz\n',
        [('"Why?" he said', "x"), ('"Go on', "y"), ('I see"', "z")],
    ),
    "one open quote in a pair of rows": (
        'a\tb\n"Go on\ty\nI see"\tz\n', [('"Go on', "y"), ('I see"', "z")]
    ),
    "quotes that enclose": ('a\tb\n"x ""y"""\t"z"\n', [('x "y"', "z")]),
    "quotes that hold lines and tabs together": (
        'a\tb\n"x\ny"\t"1\t2"\nz\t3\n', [("x\ny", "1\t2"), ("z", "3")]
    ),
    "quotes on both sides that do not enclose": ('a\tb\n"x" or "y"\tz\n', [('"x" or "y"', "z")]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TSV.values(), ids=TSV)
def test_quotes_in_tsv_are_text_unless_they_enclose_the_field(tmp_path, text, expected):
    assert [tuple(row.values()) for row in rows(read(tmp_path / "a.tsv", text))] == expected


def test_a_large_tsv_is_judged_by_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "SAMPLE", 50)
    text = "a\tb\n" + '"x\ny"\tz\n' * 20
    assert rows(read(tmp_path / "a.tsv", text)) == [{"a": "x\ny", "b": "z"}] * 20


def test_a_row_over_the_limit_is_set_aside(tmp_path):
    text = "a,b\n1,2\n" + "x" * (2 << 20) + ",3\n4,5\n"
    found = read(tmp_path / "a.csv", text, max_row_mb=1)
    assert found[0].data == {"a": "1", "b": "2"}
    assert "larger than 1 MB" in found[1].reason


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

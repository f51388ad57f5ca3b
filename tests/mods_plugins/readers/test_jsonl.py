from __future__ import annotations

from reader_files import DEEP, HUGE, broken, read, rows

from mods_plugins.readers import jsonl


def test_broken_lines_of_jsonl(tmp_path):
    lines = [
        b'{"a": 1}',
        b"",
        b'{"a": ',
        b"[1]",
        b"null",
        b'{"a": "\xff \xc3\xa9"}',
        b"  ",
        b'{"a": NaN}',
    ]
    lines += [f'{{"a": {HUGE}}}'.encode(), DEEP.encode(), b'{"a": 2}', b'{"a": 3}{"b": 4}']
    result = read(tmp_path / "a.jsonl", b"\n".join(lines))
    found = broken(result)
    assert [row.row for row in result] == [1, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    assert found[3] == ("not JSON: Expecting value at column 6", '{"a":')
    assert found[4] == ("expected an object, found a list", "[1]")
    assert found[5] == ("expected an object, found null", "null")
    assert found[6] == ("not UTF-8: invalid start byte at byte 8 of the line", '{"a": "\\xff é"}')
    assert "limit" in found[9][0]
    assert found[10] == ("not readable: the JSON is nested too deeply", DEEP)
    assert found[12][0] == "not JSON: Extra data at column 9"
    assert set(found) == {3, 4, 5, 6, 9, 10, 12}


def test_an_array_in_disguise_is_read_however_it_is_laid_out(tmp_path):
    for text in (
        '[{"a": 1}, {"a": 2}]',
        '\n\n[\n{"a": 1},\n{"a": 2}\n]',
        '\ufeff[{"a": 1},{"a": 2}]',
    ):
        assert rows(read(tmp_path / "a.jsonl", text)) == [{"a": 1}, {"a": 2}]


def test_it_is_registered():
    made = {}
    jsonl.register_readers(made.__setitem__)
    assert made == {"jsonl": jsonl.JsonLinesReader}

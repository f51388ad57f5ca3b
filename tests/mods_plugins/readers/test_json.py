"""Every format yields its rows with true numbers; what cannot be read says what and why."""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mods import BrokenRow, DataError, RawRow
from mods_plugins import readers as module

ROWS = [{"instruction": f"é {i}", "output": "x" * i + '\n"'} for i in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def readers():
    made = {}
    module.register_readers(lambda name, factory: made.__setitem__(name, factory()))
    return made


@pytest.fixture
def read(readers, tmp_path):
    """Write a file (text or bytes) and read it with the only reader that takes it."""

    def write_and_read(name, content=None):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (reader,) = [r for r in readers.values() if r.matches(str(path))]
        return list(reader.read(str(path)))

    return write_and_read


def rows(result):
    result = list(result)
    assert all(isinstance(row, RawRow) for row in result), result
    assert [row.row for row in result] == list(range(1, len(result) + 1))
    return [row.data for row in result]


def write_csv(delimiter=","):
    def quoted(text):
        return '"' + text.replace('"', '""') + '"'

    lines = [["instruction", "output"], *([quoted(v) for v in row.values()] for row in ROWS)]
    return "".join(delimiter.join(line) + "\r\n" for line in lines)


TEXTS = {
    "a.json": json.dumps(ROWS),
    "pretty.json": json.dumps(ROWS, indent=4),
    "windows.json": json.dumps(ROWS, ensure_ascii=False, indent=1).replace("\n", "\r\n"),
    "wrapped.json": json.dumps({"version": 1, "tags": ["a"], "data": ROWS}),
    "wrapped-pretty.json": json.dumps({"data": ROWS}, indent=2),
    "lines-in-disguise.json": LINES,
    "a.jsonl": LINES,
    "a.ndjson": LINES.rstrip("\n").replace("\n", "\r\n"),
    "array-in-disguise.jsonl": json.dumps(ROWS, indent=4),
    "a.csv": write_csv(),
    "semicolons.csv": write_csv(";"),
    "a.tsv": write_csv("\t"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_formats_plain_zipped_and_with_bom(read, name):
    content = TEXTS[name].encode()
    assert rows(read(name, content)) == ROWS
    assert rows(read(name, b"\xef\xbb\xbf" + content)) == ROWS
    assert rows(read(name + ".gz", gzip.compress(b"\xef\xbb\xbf" + content))) == ROWS
    assert rows(read(name, gzip.compress(content))) == ROWS  # the name does not say so


@pytest.mark.parametrize("batch", [2, 1000])
def test_parquet(read, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(module, "ARROW_ROWS", batch)
    turns = [{"messages": [{"role": "user", "content": "a"}]}]
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    parquet.write_table(pa.Table.from_pylist(turns), tmp_path / "b.parquet")
    assert rows(read("a.parquet")) == ROWS
    assert rows(read("b.parquet")) == turns


def test_parquet_text_that_is_not_utf8_breaks_its_row_only(read, tmp_path):
    column = pa.array([b"ok", b"\xff!", b"ok"]).view(pa.string())
    parquet.write_table(pa.table({"a": column}), tmp_path / "a.parquet")
    one, two, three = read("a.parquet")
    assert (one.data, three.data, three.row) == ({"a": "ok"}, {"a": "ok"}, 3)
    assert (two.row, json.loads(two.text)) == (2, {"a": r"\xff!"})
    assert two.reason.startswith("not UTF-8")


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=4),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False)
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
    import io

    text = json.dumps(data, indent=indent, ensure_ascii=ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        array = module._ArrayText(io.StringIO(text), "a.json")
        assert rows(list(array.rows())) == data


def broken(result):
    return {row.row: (row.reason, row.text) for row in result if isinstance(row, BrokenRow)}


HUGE, DEEP = "1" * 5000, "[" * 100_000 + '"]"' + "]" * 100_000


def test_broken_lines_of_jsonl(read):
    lines = [b'{"a": 1}', b"", b'{"a": ', b"[1]", b"null", b'{"a": "\xff"}', b"  ", b'{"a": NaN}']
    lines += [f'{{"a": {HUGE}}}'.encode(), DEEP.encode(), b'{"a": 2}', b'{"a": 3}{"b": 4}']
    result = read("a.jsonl", b"\n".join(lines))
    found = broken(result)
    assert [row.row for row in result] == [1, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    assert found[3] == ("not JSON: Expecting value at column 6", '{"a":')
    assert found[4] == ("expected an object, found a list", "[1]")
    assert found[5] == ("expected an object, found null", "null")
    assert found[6] == ("not UTF-8: invalid start byte at byte 8 of the line", r'{"a": "\xff"}')
    assert "limit" in found[9][0]
    assert found[10] == ("not readable: the JSON is nested too deeply", DEEP)
    assert found[12][0] == "not JSON: Extra data at column 9"
    assert set(found) == {3, 4, 5, 6, 9, 10, 12}


@given(st.lists(st.binary(max_size=9) | st.just(b'{"a": 1}')))
def test_every_line_is_a_row_or_broken_or_blank(lines):
    lines = [line.replace(b"\n", b"") for line in lines]
    found = list(module._line_rows(lines))
    blank = [
        not line.removeprefix(module.BOM if i == 0 else b"").strip() for i, line in enumerate(lines)
    ]
    assert [row.row for row in found] == [i for i, empty in enumerate(blank, 1) if not empty]
    assert all(isinstance(row, RawRow) or row.text.encode() for row in found)


@pytest.mark.parametrize("piece", [16, 1 << 20])
def test_broken_rows_of_a_json_array(read, monkeypatch, piece):
    monkeypatch.setattr(module, "PIECE", piece)
    items = [b'{"a": 1}', b"[1]", b"null", b'{"a": "\xff"}', f'{{"a": {HUGE}}}'.encode()]
    items += [DEEP.encode(), HUGE.encode(), b'"a, ]"', b'{"a": 2}']
    result = read("a.json", b"[" + b" ,\n".join(items) + b"]")
    found = broken(result)
    assert [row.row for row in result] == list(range(1, 10))
    assert found[2] == ("expected an object, found a list", "[1]")
    assert found[4] == ("not UTF-8", r'{"a": "\xff"}')
    assert "limit" in found[5][0]
    assert found[6] == ("not readable: the JSON is nested too deeply", DEEP)
    assert found[7][1] == HUGE
    assert found[8] == ("expected an object, found text", '"a, ]"')
    assert result[8].data == {"a": 2}


def test_broken_rows_of_csv(read):
    lines = [b"a,b", b"1,2", b"", b"1", b"1,2,3", b'"1"x,2', b'"\xff",2', b'"1', b'2",3', b'"1,2']
    result = read("a.csv", b"\n".join(lines))
    assert [row.row for row in result] == list(range(1, 8))
    assert (result[0].data, result[5].data) == ({"a": "1", "b": "2"}, {"a": "1\n2", "b": "3"})
    reasons = [reason for reason, _ in broken(result).values()]
    assert reasons[:2] == [f"expected 2 values as in the header, found {n}" for n in (1, 3)]
    assert reasons[2].startswith("not CSV: ',' expected after")
    assert reasons[3:] == ["not UTF-8", "not CSV: unexpected end of data"]
    assert result[4].text == '"\\xff",2\n'


def test_long_csv_values_are_read(read):
    assert rows(read("a.csv", "a\n" + "x" * 1_000_000)) == [{"a": "x" * 1_000_000}]


def test_one_conversation_is_a_row_not_a_wrapper(read):
    row = {"messages": [{"role": "user", "content": "a"}]}
    assert rows(read("a.json", json.dumps(row, indent=2))) == [row]
    assert rows(read("a.json", json.dumps(row))) == [row]


UNREADABLE = {
    "missing.json": (None, "no such file"),
    "missing.parquet": (None, "no such file"),
    "empty.json": ("", "is empty"),
    "empty.csv": ("", "is empty"),
    "cut.json": (json.dumps(ROWS, indent=4)[:39], "line 3, column 24: Unterminated string.*fetch"),
    "cut-between.json": ('[{"a": 1},\n', "line 2, column 1: the file ends in the middle of the"),
    "cut-row.json": ("[" + DEEP[:-1], "column 2: the file ends in the middle of a row"),
    "syntax.json": ('[{"a": 1},\n{"a": x}]', "line 2, column 7: Expecting value"),
    "commas.json": ('[{"a": 1}\n{"a": 2}]', "line 2, column 1: expected ']', found '{'"),
    "more.json": ("[]\n[]", "line 2, column 1: there is more after the end of the array"),
    "page.json": ("<html>", "line 1, column 1: Expecting value"),
    "two.json": ('{"a": [{}], "b": [{}]}', r"several arrays of rows \(a, b\)"),
    "deep.json": ('{"a": ' + DEEP + "}", "nested too deeply"),
    "latin.json": (b'{"a":\n"\xff"}', r"not UTF-8 \(byte 8\)"),
    "utf16.jsonl": (LINES.encode("utf-16"), "is UTF-16: convert it to UTF-8"),
    "cut.jsonl.gz": (gzip.compress(LINES.encode())[:-9], "gzip data ends too early"),
    "damaged.json.gz": (gzip.compress(LINES.encode())[:-8] + b"12345678", "damaged gzip"),
    "twice.csv": ("a,a\n1,2", "names column 'a' twice"),
    "blank.csv": ("\n1,2", "no header line"),
    "quote.csv": ('"a', "header line is not CSV"),
    "text.parquet": ("PAR1 it is not", "not a Parquet file or folder, or it is damaged"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(read, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(name, content)
    assert name in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_a_pipe_is_no_empty_file(read, tmp_path, ending):
    os.mkfifo(tmp_path / f"pipe.{ending}")
    with pytest.raises(DataError, match=f"pipe.{ending} cannot be read from a pipe"):
        read(f"pipe.{ending}")


def test_no_permission(read, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "open", refuse, raising=False)
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read: Permission denied"):
        read("a.jsonl", LINES)


@pytest.fixture
def datasets():
    return pytest.importorskip("datasets")


def test_datasets_folders(readers, datasets, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ARROW_ROWS", 2)
    reader = readers["datasets"]
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(tmp_path / "one")
    assert rows(reader.read(str(tmp_path / "one"))) == ROWS
    two = datasets.DatasetDict({"train": one, "test": one.select([3, 1])})
    two.save_to_disk(tmp_path / "two")
    assert rows(reader.read(str(tmp_path / "two"))) == ROWS
    test = f"{tmp_path / 'two'}:test"
    assert reader.matches(test)
    assert rows(reader.read(test)) == [ROWS[3], ROWS[1]]
    with pytest.raises(DataError, match="no split 'dev': choose from train, test"):
        list(reader.read(f"{tmp_path / 'two'}:dev"))
    with pytest.raises(DataError, match="without splits: leave out ':train'"):
        list(reader.read(f"{tmp_path / 'one'}:train"))
    (tmp_path / "one" / "data-00000-of-00001.arrow").write_bytes(b"no")
    with pytest.raises(DataError, match="it is damaged"):
        list(reader.read(str(tmp_path / "one")))


def test_hub_ids_go_to_load_dataset(readers, datasets, monkeypatch):
    reader, asked = readers["datasets"], []

    def load_dataset(name, **options):
        asked.append((name, options))
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert rows(reader.read("user/name@refs/pr/1:train[:5]")) == ROWS
    assert rows(reader.read("user/gpt-3.5")) == ROWS
    assert asked == [
        ("user/name", {"revision": "refs/pr/1", "split": "train[:5]"}),
        ("user/gpt-3.5", {"revision": None, "split": None}),
    ]


def test_a_hub_id_that_does_not_exist_may_be_a_missing_folder(readers, datasets, monkeypatch):
    def load_dataset(name, **options):
        raise datasets.exceptions.DatasetNotFoundError("not on the hub\nlong advice")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        DataError, match=r"no such file or folder, and as a hub id .*: not on the h"
    ):
        list(readers["datasets"].read("user/name"))


def test_what_is_no_hub_id(readers):
    Path("data/folder").mkdir(parents=True)
    matches = readers["datasets"].matches
    assert matches("user/name")
    for source in ("name", "data/folder", "data/a.jsonl", "data/a.txt", "./name", "/a/b", "a/b/c"):
        assert not matches(source), source


def test_missing_extra_says_how_to_install_it(readers, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'pip install "mods\[datasets\]"'):
        list(readers["datasets"].read("user/name"))


@pytest.mark.parametrize("name", TEXTS)
def test_a_reader_that_is_left_early_closes_its_file(readers, tmp_path, name):
    path = tmp_path / name
    path.write_text(TEXTS[name], encoding="utf-8")
    (reader,) = [r for r in readers.values() if r.matches(str(path))]
    started = reader.read(str(path))
    assert next(started).row == 1
    started.close()  # an open file would be a ResourceWarning, which is an error

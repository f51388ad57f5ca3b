"""Folders become files, each source gets its reader, and a reader that breaks a rule is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from mods import BrokenRow, DataError, PluginError, RawRow
from mods.data.reading import read_sources
from mods.data.sources import expand_sources, find_reader, open_source

GOOD = {"instruction": "Say a", "output": "a"}
OTHER = {"prompt": "b", "completion": "c"}


def test_a_folder_is_its_data_files_in_order(readers, write, tmp_path):
    write("data/b.jsonl", {**GOOD, "output": "b"})
    write("data/a.json", GOOD, OTHER)
    write("data/README.md", "no data")
    write("data/.hidden.jsonl", "no data")
    reading = read_sources([str(tmp_path / "data")], readers)
    assert [Path(r.source).name for r in reading.records] == ["a.json", "a.json", "b.jsonl"]


def test_sources_that_cannot_be(readers, write, tmp_path):
    file = write("a.jsonl", GOOD)
    text = write("notes.txt", "a")
    blank = write("blank.jsonl", "", "")
    (tmp_path / "nothing").mkdir()
    for sources, message in (
        ([], "no data source"),
        ([file, str(tmp_path)], r"a\.jsonl is given twice"),
        ([f"{tmp_path}/./a.jsonl", file], "is given twice"),
        ([text], r"notes\.txt is of no kind that can be read: expected JSON .*Parquet"),
        ([text + ".gone"], r"notes\.txt\.gone: there is no such file"),
        ([str(tmp_path / "gone.jsonl")], r"gone\.jsonl: there is no such file"),
        ([str(tmp_path / "nothing")], "folder without data files: expected JSON"),
        ([blank], r"blank\.jsonl holds no rows"),
    ):
        with pytest.raises(DataError, match=message):
            read_sources(sources, readers)


class ShoutReader:
    """A plug-in that also wants .jsonl."""

    def matches(self, source):
        return source.endswith(".jsonl")

    def read(self, source):
        yield RawRow(7, {"prompt": source, "completion": "B"})


def test_a_plugged_in_reader_comes_first(readers, write):
    file = write("a.jsonl", GOOD)
    (record,) = read_sources([file], {"shout": ShoutReader(), **readers}).records
    assert (record.row, record.response) == (7, "B")


def test_a_reader_that_yields_something_else_is_named(readers, write, monkeypatch):
    readers = {"shout": ShoutReader(), **readers}
    monkeypatch.setattr(ShoutReader, "read", lambda self, source: iter([{"a": 1}]))
    with pytest.raises(PluginError, match="reader 'shout' yielded an object"):
        read_sources([write("a.jsonl", GOOD)], readers)


def test_a_reader_that_fails_or_counts_wrongly_is_named(readers, write, monkeypatch):
    readers = {"shout": ShoutReader(), **readers}
    file = write("a.jsonl", GOOD)

    def fail(self, source):
        yield RawRow(1, GOOD)
        raise KeyError("text")

    monkeypatch.setattr(ShoutReader, "read", fail)
    with pytest.raises(PluginError, match=r"'shout' failed on .*a\.jsonl: KeyError: 'text'"):
        read_sources([file], readers)
    same = [RawRow(2, GOOD), BrokenRow(1, "bad", ""), RawRow(1, GOOD)]
    monkeypatch.setattr(ShoutReader, "read", lambda self, source: iter(same))
    with pytest.raises(PluginError, match=r"'shout' yielded row 1 of .*a\.jsonl after row 2"):
        read_sources([file], readers)


def test_the_first_reader_that_takes_a_source_reads_it(readers):
    assert find_reader("a.jsonl", readers) == "jsonl"
    assert find_reader("a.jsonl", {**readers, "shout": ShoutReader()}) == "jsonl"
    assert find_reader("a.jsonl", {"shout": ShoutReader(), **readers}) == "shout"
    assert find_reader("a.txt", readers) is None


def test_a_source_is_opened_when_its_rows_are_asked_for(readers):
    rows = open_source("gone.jsonl", readers)
    with pytest.raises(DataError, match=r"gone\.jsonl: there is no such file"):
        next(rows)
    assert expand_sources(["gone.jsonl"], readers).files == ["gone.jsonl"]


def test_a_split_of_a_folder_is_a_source(readers, write, tmp_path):
    write("data/train.jsonl", GOOD)
    write("data/test.jsonl", OTHER)
    folder = str(tmp_path / "data")
    reading = read_sources([folder], readers)
    assert [r.response for r in reading.records] == ["a"]
    assert reading.notes == [f"{folder}: left out: test.jsonl (split test: {folder}:test reads it)"]
    assert [r.response for r in read_sources([f"{folder}:test"], readers).records] == ["c"]
    with pytest.raises(DataError, match=r"has no split 'gold': there is te"):
        read_sources([f"{folder}:gold"], readers)


def test_the_same_file_by_address_and_by_path_is_given_twice(readers, write):
    file = write("a b.jsonl", GOOD)
    address = Path(file).as_uri()
    assert expand_sources([address], readers).files == [file]
    with pytest.raises(DataError, match="is given twice"):
        read_sources([file, address], readers)


def test_remote_files_are_read_and_told_apart(readers):
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    names = ["memory://pool/a.jsonl", "memory://pool/b.jsonl.gz"]
    files.pipe(names[0], json.dumps(GOOD).encode())
    files.pipe(names[1], gzip.compress(json.dumps(OTHER).encode()))
    reading = read_sources(names, readers)
    assert [(r.source, r.response) for r in reading.records] == [(names[0], "a"), (names[1], "c")]
    for sources, message in (
        ([names[0]] * 2, "is given twice"),
        (["memory://pool/gone.jsonl"], "memory://pool/gone.jsonl: there is no such file"),
        (["memory://pool/a.txt"], "a.txt is of no kind that can be read"),
        (["nowhere://pool/a.jsonl"], "nowhere://pool/a.jsonl cannot be opened: Protocol not known"),
    ):
        with pytest.raises(DataError, match=message):
            read_sources(sources, readers)


def test_a_misspelt_path_is_no_hub_id(readers, write, tmp_path, monkeypatch):
    write("data/rows.jsonl", GOOD)
    monkeypatch.chdir(tmp_path)
    for wrong, hint in (
        ("data/row.jsonl", r" \(did you mean 'rows.jsonl'\?\)"),
        ("datas/rows.jsonl", ""),
        ("datas/rows.jsonl.gz", ""),
        ("datas/rows.npz", ""),
    ):
        with pytest.raises(DataError, match=f"{wrong}: there is no such file or folder{hint}$"):
            read_sources([wrong], readers)

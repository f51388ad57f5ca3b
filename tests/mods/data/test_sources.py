"""Folders become files, each source gets its reader, and a reader that breaks a rule is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reader_files import all_readers

from mods import BrokenRow, DataError, PluginError, RawRow
from mods.data.reading import read_sources
from mods.data.sources import expand_sources, find_reader, open_source

GOOD = {"instruction": "Say a", "output": "a"}
OTHER = {"prompt": "b", "completion": "c"}


@pytest.fixture
def readers():
    return all_readers()


@pytest.fixture
def write(tmp_path):
    def write_lines(name, *rows):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    return write_lines


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
    with pytest.raises(PluginError, match=r"'shout' yielded row 1 of .*a\.jsonl twice"):
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
    assert expand_sources(["gone.jsonl"], readers) == ["gone.jsonl"]

"""Files of all formats are opened, decoded and complained about in the same way."""

from __future__ import annotations

import gzip
import os

import pytest
from reader_files import LINES, ROWS, TEXTS, read, reader_of, rows

from mods import DataError
from mods.testing import check_reader
from mods_plugins.readers import files


@pytest.mark.parametrize("name", TEXTS)
def test_text_formats_plain_zipped_and_with_bom(tmp_path, name):
    content = TEXTS[name].encode()
    assert rows(read(tmp_path / name, content)) == ROWS
    assert rows(read(tmp_path / name, b"\xef\xbb\xbf" + content)) == ROWS
    assert rows(read(tmp_path / f"{name}.gz", gzip.compress(b"\xef\xbb\xbf" + content))) == ROWS
    assert rows(read(tmp_path / name, gzip.compress(content))) == ROWS  # the name does not say so


@pytest.mark.parametrize("name", TEXTS)
def test_keeps_the_rules(tmp_path, name):
    path = tmp_path / name
    path.write_text(TEXTS[name], encoding="utf-8")
    check_reader(reader_of(path), str(path))


UNREADABLE = {
    "missing.json": (None, "no such file"),
    "missing.parquet": (None, "no such file"),
    "empty.json": ("", "is empty"),
    "empty.csv": ("", "is empty"),
    "utf16.jsonl": (LINES.encode("utf-16"), "is UTF-16: convert it to UTF-8"),
    "cut.jsonl.gz": (gzip.compress(LINES.encode())[:-9], "gzip data ends too early"),
    "damaged.json.gz": (gzip.compress(LINES.encode())[:-8] + b"12345678", "damaged gzip"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / name, content)
    assert name in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_a_pipe_is_no_empty_file(tmp_path, ending):
    os.mkfifo(tmp_path / f"pipe.{ending}")
    with pytest.raises(DataError, match=f"pipe.{ending} cannot be read from a pipe"):
        read(tmp_path / f"pipe.{ending}")


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read: Permission denied"):
        read(tmp_path / "a.jsonl", LINES)


@pytest.mark.parametrize("name", TEXTS)
def test_a_reader_that_is_left_early_closes_its_file(tmp_path, name):
    path = tmp_path / name
    path.write_text(TEXTS[name], encoding="utf-8")
    started = reader_of(path).read(str(path))
    assert next(started).row == 1
    started.close()  # an open file would be a ResourceWarning, which is an error


def test_bytes_that_are_no_utf8_can_be_told_and_shown(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\xff\n\xc3\xa9")
    with files.opened(str(path)) as file, files.decoded(file) as text:
        one, two = text
    assert (files.is_utf8(one), files.is_utf8(two)) == (False, True)
    assert (files.visible(one), files.visible(two)) == ("a\\xff\n", "\u00e9")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.json").mkdir()
    reader = reader_of(__file__.replace("test_files.py", "x.json"))
    assert not reader.matches(str(tmp_path / "a.json"))
    assert reader.matches("DATA.JSON.GZ")

"""Files of all formats are opened, decoded and complained about in the same way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys

import pytest
from reader_files import LINES, ROWS, TEXTS, broken, read, reader_of, rows

from mods import DataError, SettingsError
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


PACKED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: pytest.importorskip("zstandard").ZstdCompressor().compress(content),
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("name", ["a.json", "wrapped.json", "a.jsonl", "a.csv", "a.tsv"])
def test_packed_files_of_one_or_several_parts(tmp_path, name, kind):
    content, pack = TEXTS[name].encode(), PACKED[kind]
    parts = pack(content[:50]) + pack(content[50:])
    assert rows(read(tmp_path / f"{name}.{kind}", parts)) == ROWS
    assert rows(read(tmp_path / name, parts)) == ROWS
    for cut in (parts[:-3], pack(content)[:-3]):
        with pytest.raises(DataError, match=r"cut off|damaged"):
            read(tmp_path / f"{name}.{kind}", cut)
    if kind != "zst":  # its checksum is optional
        damaged = bytearray(pack(content))
        damaged[len(damaged) // 2] ^= 255
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            read(tmp_path / f"{name}.{kind}", bytes(damaged))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "utf-8-sig", "UTF_8"])
@pytest.mark.parametrize("name", TEXTS)
def test_other_encodings_are_read_where_they_are_named(tmp_path, name, encoding):
    text = TEXTS[name].replace("\\u00e9", "é")
    assert rows(read(tmp_path / name, text.encode(encoding), encoding=encoding)) == ROWS


@pytest.mark.parametrize("name", ["a.json", "wrapped.json", "a.jsonl", "a.csv", "a.tsv"])
def test_other_encodings_are_told_once_with_what_to_do(tmp_path, name):
    text = TEXTS[name].replace("\\u00e9", "é")
    with pytest.raises(DataError, match=r"is not UTF-8 \(byte \d+\); it may be cp1252: try `enc"):
        read(tmp_path / name, text.encode("cp1252"))
    with pytest.raises(DataError, match=r"is UTF-16: try `encoding` utf-16"):
        read(tmp_path / name, text.encode("utf-16"))
    with pytest.raises(DataError, match=r"is UTF-16: try `encoding` utf-16"):
        read(tmp_path / name, gzip.compress(text.encode("utf-16")))
    with pytest.raises(DataError, match=r"is not utf-16: .*: choose another `encoding`"):
        read(tmp_path / name, b"\xff\xfe" + text.encode("utf-16-le") + b"\0", encoding="utf-16")


def test_other_alphabets_are_guessed():
    text = "Скажи, какая река течёт через город и куда она впадает. " * 9
    assert files.likely_encoding(text.encode("cp1251")) == "cp1251"
    assert files.likely_encoding("Grüße aus Köln, schöne".encode("latin-1")) == "cp1252"


def test_bytes_that_no_encoding_explains_break_their_rows_only(tmp_path):
    lines = b'{"a": "\xc3\xa9"}\n{"a": "\xff"}\n{"a": "b"}\n'
    assert list(broken(read(tmp_path / "a.jsonl", lines))) == [2]
    assert list(broken(read(tmp_path / "a.jsonl", b'{"a": "b"}\n{"a": "\x81"}\n',
                            encoding="cp1252"))) == [2]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "hex"])
def test_encodings_must_be_those_of_texts(encoding):
    with pytest.raises(SettingsError, match=f"`encoding` '{encoding}': there is no such encoding"):
        files.FileReader(encoding=encoding)


UNREADABLE = {
    "missing.json": (None, "no such file"),
    "missing.parquet": (None, "no such file"),
    "empty.json": ("", "is empty"),
    "empty.csv": ("", "is empty"),
    "empty.jsonl.gz": (gzip.compress(b""), "is empty"),
    "cut.jsonl.gz": (gzip.compress(LINES.encode())[:-9], "cut off: .* Fetch it again"),
    "damaged.json.gz": (gzip.compress(LINES.encode())[:-8] + b"12345678", "is damaged"),
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
    with pytest.raises(
        DataError, match=rf"pipe\.{ending} is no plain file: write the rows to a file first"
    ):
        read(tmp_path / f"pipe.{ending}")


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*_, **__):
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
    for name in ("DATA.JSON.GZ", "a.json.zst", "https://host/a.json?download=true#x"):
        assert reader.matches(name)


def test_a_stream_starts_again_and_nowhere_else():
    stream = files.Recoded(io.BytesIO("é".encode("utf-16")), "utf-16", "x")
    assert stream.read() == "é".encode()
    assert (stream.tell(), stream.seek(0), stream.read(1), stream.tell()) == (2, 0, b"\xc3", 1)
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(1)


def test_a_missing_package_for_zstd_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(DataError, match=r'pip install "mods\[zstd\]"'):
        read(tmp_path / "a.jsonl.zst", b"\x28\xb5\x2f\xfd....")

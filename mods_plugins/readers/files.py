"""What readers of files share: opening, decoding, the errors of both. A helper: no hooks."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import os
import re
import stat
import zlib
from collections.abc import Iterator
from typing import IO, Any

from mods import BrokenRow, DataError, SettingsError
from mods.wording import needs_extra, one_line

BOM = b"\xef\xbb\xbf"
UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")


COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""What may follow the ending of a text file."""
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""How compressed files begin, whatever their names."""
REMOTE = re.compile(r"[a-z][a-z0-9+]*://.+")
"""A path that fsspec knows the way to."""


class FileReader:
    """A reader that knows its files by their endings.

    `encoding` is that of text files; `max_row_mb` the most megabytes that a row may take.
    """

    endings: tuple[str, ...] = ()
    """In lower case, each with its dot."""

    def __init__(self, *, encoding: str = "utf-8", max_row_mb: int = 64) -> None:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise SettingsError(f"`encoding` {encoding!r}: no such encoding") from error
        self.encoding = encoding
        self.limit = max_row_mb << 20
        """Bytes."""

    def matches(self, source: str) -> bool:
        """Say whether the name has one of the endings (a folder never matches)."""
        name = source.lower()
        for ending in COMPRESSED:
            name = name.removesuffix(ending)
        return name.endswith(self.endings) and not os.path.isdir(source)

    def oversized(self, row: int, size: int, text: str) -> BrokenRow:
        """Return what becomes of a row that is too large."""
        reason = f"{size >> 20} MB or more, the limit is {self.limit >> 20} MB (`max_row_mb`)"
        return BrokenRow(row, reason, text[:SHOWN] + "…")


SHOWN = 1000
"""Characters of a row that is too large that are kept in the quarantine."""


@contextlib.contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """Open a file, unpacked if it is compressed whatever its name; errors become `DataError`."""
    with file_errors(source), raw_file(source) as file:
        start = file.read(6)
        file.seek(0)
        if not start:
            raise DataError(f"{source} is empty")
        if start[:2] in UTF_16_BOMS:
            raise DataError(f"{source} is UTF-16: convert it to UTF-8")
        packed = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)
        if packed is None:
            yield file
            return
        with unpacked(file, packed, source) as content:
            yield content


@contextlib.contextmanager
def raw_file(source: str) -> Iterator[IO[bytes]]:
    """Open a file of this machine, or one that fsspec reaches."""
    if REMOTE.fullmatch(source):
        with remote(source) as file:
            yield file
        return
    status = os.stat(source)
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{source} is no plain file: write the rows to a file first")
    with open(source, "rb") as file:
        yield file


def remote(source: str) -> Any:
    """Open a remote file through fsspec."""
    try:
        import fsspec
    except ImportError as error:
        raise DataError(needs_extra(f"{source}: remote files need", "remote")) from error
    try:
        return fsspec.open(source, "rb")
    except (ImportError, ValueError) as error:  # the protocol's own package; no such protocol
        raise DataError(f"{source} cannot be opened: {one_line(error)}") from error


def unpacked(file: IO[bytes], packed: str, source: str) -> Any:
    """Return the content of a compressed file, read piece by piece."""
    if packed == "gzip":
        return gzip.open(file)
    if packed == "bz2":
        return bz2.open(file)
    if packed == "xz":
        return lzma.open(file)
    try:
        import zstandard
    except ImportError as error:
        raise DataError(needs_extra(f"{source}: zstd files need", "zstd")) from error
    return contextlib.closing(io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)))


@contextlib.contextmanager
def file_errors(source: str) -> Iterator[None]:
    """Turn the errors of files and of compression into `DataError`s that name the file."""
    try:
        yield
    except EOFError as error:
        raise DataError(
            f"{source} is cut off: the compressed data ends too early. Fetch it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{source} is damaged ({one_line(error)}). Fetch it again") from error
    except FileNotFoundError as error:
        raise DataError(f"{source}: there is no such file or folder") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("zstandard", "zstd", "fsspec"):
            raise
        raise DataError(f"{source} cannot be read: {one_line(error)}") from error


def lines_of(file: IO[bytes], limit: int) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of a file without their ends, and their sizes.

    Of a line longer than `limit` bytes only the start is kept, so that no line, unpacked or not,
    fills the memory.
    """
    while line := file.readline(limit + 1):
        size = len(line)
        if size > limit and not line.endswith(b"\n"):
            while more := file.readline(PIECE):
                size += len(more)
                if more.endswith(b"\n"):
                    break
        yield line.rstrip(b"\r\n"), size


PIECE = 1 << 20
"""Bytes that are read at a time and dropped."""


def likely_encoding(sample: bytes) -> str:
    """Name an encoding that bytes which are not UTF-8 may be in."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"


@contextlib.contextmanager
def decoded(
    file: IO[bytes], encoding: str = "utf-8", newline: str | None = None
) -> Iterator[io.TextIOWrapper]:
    """Decode a text file, UTF-8 with or without BOM; what cannot be becomes lone surrogates.

    Those can be told from any text the file can hold, so that only their rows are broken.
    """
    name = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    text = io.TextIOWrapper(file, encoding=name, errors="surrogateescape", newline=newline)
    try:
        yield text
    finally:
        text.detach()  # the file belongs to the caller


def is_utf8(text: str) -> bool:
    """Say whether text of `decoded` was all UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def visible(text: str) -> str:
    r"""Return text of `decoded`, with bytes that are not UTF-8 written as `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

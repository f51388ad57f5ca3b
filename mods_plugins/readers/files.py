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
from abc import abstractmethod
from collections.abc import Iterator
from typing import IO, Any

from mods import BrokenRow, DataError, SettingsError
from mods.wording import needs_extra, one_line, suggest

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
        self.encoding = known_encoding(encoding)
        self.limit = max_row_mb << 20
        """Bytes."""

    def matches(self, source: str) -> bool:
        """Say whether the name has one of the endings (a folder never matches)."""
        name = source.lower()
        if REMOTE.fullmatch(name):
            name = re.split(r"[?#]", name)[0]
        for ending in COMPRESSED:
            name = name.removesuffix(ending)
        return name.endswith(self.endings) and not os.path.isdir(source)

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[IO[bytes]]:
        """Open a file of text, which comes as UTF-8; `DataError` if it is in another encoding."""
        with opened(source, self.encoding) as file:
            if self.encoding == "utf-8":
                check_encoding(file, source)
            yield file

    def oversized(self, row: int, size: int, text: str) -> BrokenRow:
        """Return what becomes of a row that is too large."""
        reason = f"{size >> 20} MB or more, the limit is {self.limit >> 20} MB (`max_row_mb`)"
        return BrokenRow(row, reason, text[:SHOWN] + "…")


SHOWN = 1000
"""Characters of a row that is too large that are kept in the quarantine."""


def known_encoding(name: str) -> str:
    """Return the usual name of an encoding of texts; `SettingsError` if there is none."""
    try:
        found = codecs.lookup(name)
        "a".encode(name)
    except (LookupError, UnicodeError) as error:  # no such encoding; none of texts
        raise SettingsError(f"`encoding` {name!r}: there is no such encoding") from error
    return found.name


@contextlib.contextmanager
def opened(source: str, encoding: str = "utf-8") -> Iterator[IO[bytes]]:
    """Open a file, unpacked if it is compressed whatever its name; errors become `DataError`.

    Text in another encoding than UTF-8 comes as UTF-8.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(file_errors(source))
        file = stack.enter_context(raw_file(source))
        start = file.read(6)
        file.seek(0)
        packed = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)
        if packed is not None:
            file = stack.enter_context(unpacked(file, packed, source))
            start = file.read(2)
            file.seek(0)
        if not start:
            raise DataError(f"{source} is empty")
        if encoding != "utf-8":
            file = stack.enter_context(io.BufferedReader(Recoded(file, encoding, source)))
        elif start[:2] in UTF_16_BOMS:
            raise DataError(f"{source} is UTF-16: try `encoding` utf-16")
        yield file


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
    with open(source, "rb", buffering=PIECE) as file:
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
    return io.BufferedReader(Unzstd(file, zstandard.ZstdDecompressor))


class Stream(io.RawIOBase):
    """Bytes made of the bytes of a file, which can be read again from the start."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.ready = memoryview(b"")
        self.at = 0

    def start(self) -> None:
        """Get ready to read from the start."""

    @abstractmethod
    def more(self) -> bytes | None:
        """Return what comes next, maybe nothing yet; None at the end."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """To the start only."""
        return True

    def tell(self) -> int:
        """Return the place in the bytes that are made."""
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the start."""
        if offset or whence:
            raise io.UnsupportedOperation("can only be read again from the start")
        self.file.seek(0)
        self.ready, self.at = memoryview(b""), 0
        self.start()
        return 0

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        while not self.ready:
            more = self.more()
            if more is None:
                return 0
            self.ready = memoryview(more)
        size = min(len(buffer), len(self.ready))
        buffer[:size] = self.ready[:size]
        self.ready = self.ready[size:]
        self.at += size
        return size


class Unzstd(Stream):
    """The content of a zstd file of any number of frames; a frame that is cut off is an error."""

    piece = 256
    """Bytes unpacked at a time: four of them may become 128 KiB."""

    def __init__(self, file: IO[bytes], make: Any) -> None:
        super().__init__(file)
        self.make = make
        self.start()

    def start(self) -> None:
        """Begin with the first frame."""
        self.frame = self.make().decompressobj()
        self.rest = b""
        self.begun = False

    def more(self) -> bytes | None:
        """Unpack a piece."""
        if self.frame.eof:
            self.rest, self.frame = self.frame.unused_data, self.make().decompressobj()
            self.begun = False
        packed = self.rest or self.file.read(self.piece)
        self.rest = b""
        if not packed:
            if self.begun:
                raise EOFError
            return None
        self.begun = True
        content: bytes = self.frame.decompress(packed)
        return content


class Recoded(Stream):
    """Text of some encoding as UTF-8; bytes that are none stay as they are, their rows break."""

    def __init__(self, file: IO[bytes], encoding: str, source: str) -> None:
        super().__init__(file)
        self.encoding = encoding
        self.source = source
        self.start()

    def start(self) -> None:
        """Begin to decode."""
        self.decoder = codecs.getincrementaldecoder(self.encoding)("surrogateescape")
        self.ended = False

    def more(self) -> bytes | None:
        """Decode a piece."""
        if self.ended:
            return None
        raw = self.file.read(PIECE)
        self.ended = not raw
        try:
            return self.decoder.decode(raw, self.ended).encode("utf-8", "surrogateescape")
        except UnicodeError as error:
            raise DataError(
                f"{self.source} is not {self.encoding}: {one_line(error)}: choose another "
                "`encoding`"
            ) from error


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
        raise DataError(f"{source}: there is no such file or folder{similar(source)}") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("zstandard", "zstd", "fsspec"):
            raise
        raise DataError(f"{source} cannot be read: {one_line(error)}") from error


def similar(source: str) -> str:
    """Name a file like the one that is not there, if its folder holds one."""
    folder, name = os.path.split(source)
    try:
        return suggest(name, os.listdir(folder or "."))
    except OSError:
        return ""


def rest_of_line(file: IO[bytes], start: bytes) -> int:
    """Go to the end of a line whose start was read, and keep nothing; return its bytes."""
    size = 0
    while not start.endswith(b"\n") and (start := file.readline(PIECE)):
        size += len(start)
    return size


PIECE = 1 << 20
"""Bytes that are read at a time and dropped."""


def check_encoding(file: IO[bytes], source: str) -> None:
    """Say once what encoding a file may be in that is not UTF-8, instead of row by row.

    A file with valid UTF-8 beyond ASCII is one with a few damaged bytes: those break their rows.
    """
    sample = file.read(SAMPLE)
    file.seek(0)
    cut = sample.rfind(b"\n") + 1 if len(sample) == SAMPLE else len(sample)
    sample = sample[: cut or None]
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if not sample.decode("utf-8", "ignore").isascii():
            return
        likely = likely_encoding(sample[max(0, error.start - AROUND) : error.start + AROUND])
        raise DataError(
            f"{source} is not UTF-8 (byte {error.start + 1}); it may be {likely}: try "
            f"`encoding` {likely}"
        ) from error


SAMPLE = 1 << 20
"""Bytes from which the encoding of a file is judged."""
AROUND = 1 << 15
"""Bytes around the first that is no UTF-8, from which another encoding is guessed."""


def likely_encoding(sample: bytes) -> str:
    """Name an encoding that bytes which are not UTF-8 may be in."""
    from charset_normalizer import from_bytes

    others = sum(byte > 127 for byte in sample)
    best = None if others < FEW and 4 * others < len(sample) else from_bytes(sample).best()
    if best is None or sample.decode("cp1252", "replace") == str(best):
        return "cp1252"  # what most such files are; others often give the same text
    return best.encoding


FEW = 32
"""Bytes beyond ASCII from which an encoding can be guessed."""


@contextlib.contextmanager
def decoded(file: IO[bytes], newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Decode a text file, UTF-8 with or without BOM; what cannot be becomes lone surrogates.

    Those can be told from any text the file can hold, so that only their rows are broken.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline=newline)
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

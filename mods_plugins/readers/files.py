"""What readers of files share: opening, decoding, the errors of both. A helper: no hooks."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from typing import IO

from mods import DataError

BOM = b"\xef\xbb\xbf"
UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")
GZIP = b"\x1f\x8b"
"""The first two bytes of a gzip file."""


class FileReader:
    """A reader that knows its files by their endings."""

    endings: tuple[str, ...] = ()
    """In lower case, each with its dot."""

    def matches(self, source: str) -> bool:
        """Say whether the name has one of the endings (a folder never matches)."""
        return source.lower().endswith(self.endings) and not os.path.isdir(source)


@contextlib.contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """Open a file, gunzipped if it is gzip whatever its name; errors become `DataError`."""
    with file_errors(source):
        status = os.stat(source)
        if stat.S_ISFIFO(status.st_mode):
            raise DataError(f"{source} cannot be read from a pipe: write the rows to a file first")
        if not status.st_size:
            raise DataError(f"{source} is empty")
        with open(source, "rb") as file:
            start = file.read(2)
            file.seek(0)
            if start in UTF_16_BOMS:
                raise DataError(f"{source} is UTF-16: convert it to UTF-8")
            if start == GZIP:
                with gzip.open(file) as unzipped:
                    yield unzipped  # type: ignore[misc]  # it is no IO[bytes] by name only
            else:
                yield file


@contextlib.contextmanager
def file_errors(source: str) -> Iterator[None]:
    """Turn the errors of files and gzip into `DataError`s that name the file."""
    try:
        yield
    except EOFError as error:
        raise DataError(
            f"{source} is cut off: the gzip data ends too early. Fetch it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{source} is damaged gzip ({error}). Fetch it again") from error
    except FileNotFoundError as error:
        raise DataError(f"{source}: there is no such file or folder") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror or error}") from error


@contextlib.contextmanager
def decoded(file: IO[bytes], newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Decode UTF-8, with or without BOM; bytes that are not UTF-8 become lone surrogates.

    Those can be told from any text the file can hold, so that only their rows are broken.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=newline)
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

"""The default readers: JSON, JSONL, CSV and TSV, Parquet, and Hugging Face datasets."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from mods import BrokenRow, DataError, RawRow, hookimpl

if TYPE_CHECKING:
    from mods.hookspecs import RegisterReader

BOM = b"\xef\xbb\xbf"
PIECE = 1 << 20
"""Characters of a JSON array that are read at a time."""
ARROW_ROWS = 1000
"""Rows of a Parquet file or a dataset that are in memory at a time."""
NOT_SOURCES = (".txt", ".md", ".xls", ".xlsx", ".zip", ".zst", ".bz2", ".xz", ".arrow", ".yaml")
"""Endings that make `data/name.txt` a missing file, not a hub id."""


@hookimpl
def register_readers(register: RegisterReader) -> None:
    """Register the default readers."""
    register("json", JsonReader)
    register("jsonl", JsonLinesReader)
    register("csv", CsvReader)
    register("parquet", ParquetReader)
    register("datasets", DatasetsReader)


class _FileReader:
    """A reader that knows its files by their endings."""

    endings: tuple[str, ...] = ()

    def matches(self, source: str) -> bool:
        """Say whether the name has one of the endings (a folder never matches)."""
        return source.lower().endswith(self.endings) and not os.path.isdir(source)


class JsonReader(_FileReader):
    """JSON: an array of objects, an object with one such array in a field, or JSONL in disguise.

    Arrays are read piece by piece. The row number is the place in the array; in JSONL the line.
    """

    understands = "JSON (.json, .json.gz)"
    endings = (".json", ".json.gz")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` with line and column if the file is not JSON."""
        with _opened(source) as file:
            layout = _json_layout(file)
            file.seek(0)
            if layout == "array":
                yield from _array_rows(file, source)
            elif layout == "lines":
                yield from _line_rows(file)
            else:
                yield from _document_rows(file, source)


class JsonLinesReader(_FileReader):
    """JSONL: one object per line. The row number is the line; blank lines are no rows."""

    understands = "JSONL (.jsonl, .ndjson, also with .gz)"
    endings = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows line by line; a file that is really a JSON array is read as one."""
        with _opened(source) as file:
            is_array = file.readline().removeprefix(BOM).strip() == b"["
            file.seek(0)
            yield from _array_rows(file, source) if is_array else _line_rows(file)


class CsvReader(_FileReader):
    """CSV or TSV with a header line; all values are texts.

    The delimiter is a tab in TSV, otherwise whichever of `,` `;` and tab the header has most of.
    The row number counts rows after the header: a quoted value may span lines.
    """

    understands = "CSV and TSV (.csv, .tsv, also with .gz)"
    endings = (".csv", ".csv.gz", ".tsv", ".tsv.gz")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the header is empty or names a column twice."""
        # The default limit of 128 KiB is less than a long response; it can only be set globally.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        with _opened(source) as file, _text(file, newline="") as text:
            lines = _Lines(text)
            is_tsv = source.lower().endswith((".tsv", ".tsv.gz"))
            delimiter = "\t" if is_tsv else max(",;\t", key=lines.first.count)
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            yield from _table_rows(rows, lines, _header(rows, source))


class ParquetReader(_FileReader):
    """Parquet, read batch by batch; the row number counts from 1."""

    understands = "Parquet (.parquet)"
    endings = (".parquet", ".pq")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the file is damaged or not Parquet."""
        import pyarrow as pa
        from pyarrow import parquet

        with _opened(source) as file, _arrow_errors(source, "Parquet", pa.ArrowException):
            yield from _arrow_rows(parquet.ParquetFile(file).iter_batches(ARROW_ROWS))


class DatasetsReader:
    """A folder written by `datasets.save_to_disk`, or a dataset on the Hugging Face hub.

    `folder[:split]`, or `user/name[@revision][:split]`. Without a split: the only one, or `train`.
    Code that a hub repository brings along is never run.
    """

    understands = "datasets folders and hub ids (user/name[@revision][:split])"
    hub_id = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@([^\s:@]+))?(?::(\S+))?")

    def matches(self, source: str) -> bool:
        """Say whether this is a datasets folder, or looks like a hub id and is no path."""
        if _datasets_folder(source) is not None:
            return True
        found = self.hub_id.fullmatch(source)
        if found is None or os.path.exists(source):
            return False
        readers = (JsonReader, JsonLinesReader, CsvReader, ParquetReader)
        endings = sum((reader.endings for reader in readers), NOT_SOURCES)
        return not found[1].lower().endswith(endings)

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the dataset or the split is not there."""
        try:
            import datasets
        except ImportError as error:
            raise DataError(
                f'{source} needs the datasets library ({error}): pip install "mods[datasets]"'
            ) from error
        kinds = (datasets.exceptions.DatasetsError, ValueError)
        with _file_errors(source), _arrow_errors(source, "dataset", *kinds):
            dataset = _one_split(self._load(source), source)
            yield from _arrow_rows(
                batch
                for table in dataset.with_format("arrow").iter(ARROW_ROWS)
                for batch in table.to_batches()
            )

    def _load(self, source: str) -> Any:
        """Return a dataset, or all splits of one."""
        import datasets

        folder = _datasets_folder(source)
        if folder is not None:
            path, split = folder
            loaded = datasets.load_from_disk(path)
            return _split(loaded, split, source) if split else loaded
        found = self.hub_id.fullmatch(source)
        if found is None:
            raise DataError(f"{source} is neither a datasets folder nor a hub id (user/name)")
        name, revision, split = found.groups()
        try:
            return datasets.load_dataset(name, revision=revision, split=split)
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"{source}: there is no such file or folder, and as a hub id it cannot be loaded: "
                f"{_one_line(error)}"
            ) from error


# Files


@contextlib.contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    """Open a file, gunzipped if it is gzip whatever its name; errors become `DataError`."""
    with _file_errors(source):
        status = os.stat(source)
        if stat.S_ISFIFO(status.st_mode):
            raise DataError(f"{source} cannot be read from a pipe: write the rows to a file first")
        if not status.st_size:
            raise DataError(f"{source} is empty")
        with open(source, "rb") as file:
            start = file.read(2)
            file.seek(0)
            if start in (b"\xff\xfe", b"\xfe\xff"):
                raise DataError(f"{source} is UTF-16: convert it to UTF-8")
            if start == b"\x1f\x8b":
                with gzip.open(file) as unzipped:
                    yield unzipped  # type: ignore[misc]  # it is no IO[bytes] by name only
            else:
                yield file


@contextlib.contextmanager
def _file_errors(source: str) -> Iterator[None]:
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
def _text(file: IO[bytes], newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Decode UTF-8, with or without BOM; bytes that are not UTF-8 become lone surrogates.

    Those can be told from any text the file can hold, so that only their rows are broken.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    try:
        yield text
    finally:
        text.detach()  # the file belongs to the caller


def _is_utf8(text: str) -> bool:
    """Say whether text that `_text` decoded was all UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _visible(text: str) -> str:
    r"""Return text that `_text` decoded, with bytes that are not UTF-8 written as `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


# JSON


def _json_layout(file: IO[bytes]) -> str:
    """Say how a JSON file is laid out: `array`, `lines` (an object on each) or `document`."""
    start = file.read(PIECE).removeprefix(BOM).lstrip()
    if start.startswith(b"["):
        return "array"
    file.seek(0)
    filled = (line.removeprefix(BOM).strip() for line in file)
    first, second = next((x for x in filled if x), b""), next((x for x in filled if x), b"")
    # After a line that is closed, a document could only go on with one of these.
    is_lines = first[:1] + first[-1:] == b"{}" and second[:1] not in b",]}"
    return "lines" if is_lines else "document"


def _line_rows(lines: Iterable[bytes]) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of JSONL, numbered by line."""
    for number, line in enumerate(lines, 1):
        content = (line.removeprefix(BOM) if number == 1 else line).strip()
        if content:
            yield _line_row(number, content)


def _line_row(number: int, line: bytes) -> RawRow | BrokenRow:
    """Parse one line of JSONL."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: {error.reason} at byte {error.start + 1} of the line"
        return BrokenRow(number, reason, line.decode("utf-8", "backslashreplace"))
    try:
        return _json_row(number, json.loads(text), text)
    except json.JSONDecodeError as error:
        return BrokenRow(number, f"not JSON: {error.msg} at column {error.colno}", text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(number, _too_much(error), text)


def _json_row(number: int, value: Any, text: str) -> RawRow | BrokenRow:
    """Return a parsed value as a row, broken if it is no object."""
    if isinstance(value, dict):
        # The parser makes new key strings in every row; shared ones save an eighth of the memory.
        return RawRow(number, {sys.intern(key): item for key, item in value.items()})
    return BrokenRow(number, f"expected an object, found {_kind(value)}", text)


def _too_much(error: Exception) -> str:
    """Say why correct JSON cannot be parsed."""
    if isinstance(error, RecursionError):
        return "not readable: the JSON is nested too deeply"
    return f"not readable: {_one_line(error)}"


def _kind(value: Any) -> str:
    """Name the kind of a JSON value that is no object."""
    if value is None:
        return "null"
    names = {bool: "true or false", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), "a list")


def _document_rows(file: IO[bytes], source: str) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of a file that is one JSON object: those of its array, or itself."""
    try:
        document = json.loads(file.read().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _not_json(source, error.msg, error.lineno, error.colno) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 (byte {error.start + 1}): convert it") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: {_too_much(error)}") from error
    arrays = _row_arrays(document) if isinstance(document, dict) else []
    if len(arrays) > 1:
        raise DataError(
            f"{source} is an object with several arrays of rows ({', '.join(arrays)}): "
            "write the one you mean to a file of its own"
        )
    rows = document[arrays[0]] if arrays else [document]
    del document
    for number, value in enumerate(rows, 1):
        yield _json_row(number, value, "" if isinstance(value, dict) else json.dumps(value))


def _row_arrays(document: dict[str, Any]) -> list[str]:
    """Return the fields that hold arrays of rows, not the turns of one conversation."""
    turns = ("messages", "conversations", "conversation", "prompt", "completion")
    return [
        name
        for name, value in document.items()
        if isinstance(value, list)
        and any(isinstance(item, dict) for item in value)
        and name not in turns
    ]


def _not_json(source: str, message: str, line: int, column: int) -> DataError:
    """Say where a JSON file stops being JSON."""
    return DataError(
        f"{source} is not JSON at line {line}, column {column}: {message}. If it was cut off, "
        "fetch it again; as JSONL (one object per line, .jsonl) only the broken lines are lost"
    )


def _array_rows(file: IO[bytes], source: str) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of a file that is one JSON array."""
    with _text(file) as text:
        yield from _ArrayText(text, source).rows()


class _ArrayText:
    """The text of a JSON array of rows, of which only a piece is in memory."""

    skipped = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|"|[\[\]{}]', re.DOTALL)
    """The tokens that decide where a value ends; a lone quote is a text that is cut off."""
    scalar = re.compile(r"[^\s,\]]+")
    space = re.compile(r"[ \t\r\n]*")

    def __init__(self, file: IO[str], source: str) -> None:
        self.file = file
        self.source = source
        self.piece = ""
        self.at = 0
        self.line = 1
        self.column = 1
        self.decode: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode

    def rows(self) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows, numbered by their place in the array."""
        self._take("[")
        number = 0
        if self._peek() != "]":
            more = True
            while more:
                number += 1
                yield self._row(number)
                more = self._peek() == ","
                if more:
                    self._take(",")
        self._take("]")
        if self._peek():
            raise self._error("there is more after the end of the array")

    def _row(self, number: int) -> RawRow | BrokenRow:
        """Parse the next value."""
        if not self._peek():
            raise self._error("the file ends in the middle of the array")
        value, end, problem = self._value()
        text = self.piece[self.at : end]
        self.at = end
        if problem:
            return BrokenRow(number, problem, _visible(text))
        if not _is_utf8(text):
            return BrokenRow(number, "not UTF-8", _visible(text))
        return _json_row(number, value, text)

    def _value(self) -> tuple[Any, int, str]:
        """Return the next value, its end in the piece, and why it cannot be parsed, if so."""
        while True:
            try:
                value, end = self.decode(self.piece, self.at)
            except json.JSONDecodeError as error:
                # An error away from the end is one for good; texts are reported at their start.
                is_cut = error.pos + 16 > len(self.piece) or error.msg.startswith("Unterminated")
                if not (is_cut and self._more()):
                    raise self._error(error.msg, error.pos) from error
            except (ValueError, RecursionError) as error:
                return None, self._skip(), _too_much(error)
            else:
                # A number at the end of the piece may go on in the next.
                if end < len(self.piece) or not self._more():
                    return value, end, ""

    def _skip(self) -> int:
        """Return the end of a correct value that cannot be parsed."""
        while True:
            end = self._end()
            if end is not None:
                return end
            if not self._more():
                raise self._error("the file ends in the middle of a row")

    def _end(self) -> int | None:
        """Return the end of the next value, or None if it is not in this piece."""
        if self.piece[self.at] not in "[{":
            found = self.scalar.match(self.piece, self.at)
            return found.end() if found and found.end() < len(self.piece) else None
        depth = 0
        for token in self.skipped.finditer(self.piece, self.at):
            if token[0] == '"':
                return None
            depth += (token[0] in "[{") - (token[0] in "]}")
            if not depth:
                return token.end()
        return None

    def _peek(self) -> str:
        """Return the next character that is no space, or nothing at the end of the file."""
        while True:
            self.at = self.space.match(self.piece, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.piece):
                return self.piece[self.at]
            if not self._more():
                return ""

    def _take(self, character: str) -> None:
        """Go past the next character, which must be this one."""
        found = self._peek()
        if not found:
            raise self._error("the file ends in the middle of the array")
        if found != character:
            raise self._error(f"expected '{character}', found '{_visible(found)}'")
        self.at += 1

    def _more(self) -> bool:
        """Drop what has been read and add a piece; False at the end of the file."""
        rest = self.piece[self.at :]
        text = self.file.read(max(PIECE, len(rest)))
        if not text:
            return False
        self.line, self.column = self._position(self.at)
        self.piece, self.at = rest + text, 0
        return True

    def _position(self, at: int) -> tuple[int, int]:
        """Return line and column, from 1, of a place in the piece."""
        newlines = self.piece.count("\n", 0, at)
        start = self.piece.rfind("\n", 0, at) + 1
        return self.line + newlines, (at - start + 1) if newlines else self.column + at

    def _error(self, message: str, at: int | None = None) -> DataError:
        """Return the error for the next character, or for a given place in the piece."""
        return _not_json(self.source, message, *self._position(self.at if at is None else at))


# CSV


class _Lines:
    """The lines of a table; remembers those of the current row for its quarantine entry."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.first = file.readline()
        self._waiting = [self.first] if self.first else []
        self._row: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.pop() if self._waiting else next(self._file)
        self._row.append(line)
        return line

    def take(self) -> str:
        """Return the lines since the last call."""
        text = "".join(self._row)
        self._row.clear()
        return text


def _header(rows: Iterator[list[str]], source: str) -> list[str]:
    """Return the column names; `DataError` if there are none or one comes twice."""
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise DataError(f"{source}: the header line is not CSV: {error}") from error
    if not any(header):
        raise DataError(f"{source} has no header line: the first line must name the columns")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise DataError(f"{source}: the header names column {twice[0]!r} twice")
    return header


def _table_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str]
) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows below the header; blank lines are no rows."""
    number = 0
    lines.take()
    while True:
        problem = ""
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], f"not CSV: {error}"
        text = lines.take()
        if not text.strip():
            continue
        number += 1
        if not _is_utf8(text):
            problem = "not UTF-8"
        elif not problem and len(cells) != len(header):
            problem = f"expected {len(header)} values as in the header, found {len(cells)}"
        if problem:
            yield BrokenRow(number, problem, _visible(text))
        else:
            yield RawRow(number, dict(zip(header, cells, strict=True)))


# Arrow


@contextlib.contextmanager
def _arrow_errors(source: str, what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a library into a `DataError`."""
    try:
        yield
    except kinds as error:
        raise DataError(
            f"{source} is not a {what} file or folder, or it is damaged: {_one_line(error)}"
        ) from error


def _arrow_rows(batches: Iterable[Any]) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of record batches."""
    number = 0
    for batch in batches:
        for data, problem in _batch_rows(batch):
            number += 1
            if problem:
                yield BrokenRow(number, problem, data)
            else:
                yield RawRow(number, data)


def _batch_rows(batch: Any) -> Iterator[tuple[Any, str]]:
    """Yield the rows of one batch with an empty reason, or their text and what is wrong."""
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError, ArithmeticError):
        rows = None
    if rows is not None:
        yield from ((data, "") for data in rows)
        return
    for place in range(batch.num_rows):
        row = batch.slice(place, 1)
        try:
            yield row.to_pylist()[0], ""
        except (ValueError, OverflowError, ArithmeticError) as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "not readable"
            yield _arrow_text(row), f"{reason}: {_one_line(error)}"


_ARROW_TEXTS = {"string", "large_string", "string_view", "binary", "large_binary"}


def _arrow_text(row: Any) -> str:
    """Return what can be shown of a row that cannot be read: bytes of texts, types of the rest."""
    shown: dict[str, str] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        if str(column.type) in _ARROW_TEXTS:
            value = column.cast("binary")[0].as_py() or b""
            shown[name] = value.decode("utf-8", "backslashreplace")
        else:
            shown[name] = f"<{column.type}>"
    return json.dumps(shown, ensure_ascii=False)


# Datasets


def _datasets_folder(source: str) -> tuple[str, str] | None:
    """Return folder and split (or an empty text) if this is a datasets folder."""
    head, _, tail = source.rpartition(":")
    for folder, split in ((source, ""), (head, tail)):
        names = ("dataset_dict.json", "state.json")
        if folder and any(os.path.isfile(os.path.join(folder, name)) for name in names):
            return folder, split
    return None


def _one_split(loaded: Any, source: str) -> Any:
    """Return a dataset; of several splits the only one or `train`."""
    if not isinstance(loaded, dict):
        return loaded
    names = list(loaded)
    return _split(loaded, names[0] if len(names) == 1 else "train", source)


def _split(loaded: Any, split: str, source: str) -> Any:
    """Return one split by name; `DataError` that lists the splits if it is not there."""
    if not isinstance(loaded, dict):
        raise DataError(f"{source}: the folder is one dataset without splits: leave out ':{split}'")
    if split not in loaded:
        raise DataError(
            f"{source} has no split {split!r}: choose from {', '.join(loaded)} with SOURCE:SPLIT"
        )
    return loaded[split]


def _one_line(error: Exception) -> str:
    """Return the first line of an error, or its kind if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

"""A JSON array of rows, read piece by piece. A helper: no hooks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from mods import BrokenRow, DataError, RawRow
from mods_plugins.readers.files import SHOWN, FileReader, decoded, is_utf8, visible
from mods_plugins.readers.json_rows import (
    line_row,
    not_a_row,
    not_json,
    on_one_line,
    said,
    too_much,
)

PIECE = 1 << 20
"""Characters of an array that are read at a time."""
LONGEST_TOKEN = 16
"""An error this near the end of a piece may be a token that is cut: `-Infinity`, an escape."""


def array_rows(file: IO[bytes], source: str, reader: FileReader) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of a file that is one JSON array."""
    with decoded(file) as text:
        yield from ArrayText(text, source, reader.limit).rows()


class TooLong(Exception):
    """A row that is longer than the limit."""


IN_TEXT = re.compile(r'"|\\.?', re.DOTALL)
IN_VALUE = re.compile(r'["\[\]{}]')
"""What decides where a text, and a value around it, end."""


class ArrayText:
    """The text of a JSON array of rows, of which only a piece is in memory."""

    skipped = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|"|[\[\]{}]', re.DOTALL)
    """The tokens that decide where a value ends; a lone quote is a text that is cut off."""
    scalar = re.compile(r"[^\s,\]]+")
    space = re.compile(r"[ \t\r\n]*")

    def __init__(self, file: IO[str], source: str, limit: int) -> None:
        self.file = file
        self.source = source
        self.limit = limit
        """The most characters of a row."""
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
        try:
            value, end, problem = self._value()
        except TooLong:
            reason = f"larger than {self.limit >> 20} MB (`max_row_mb`)"
            return BrokenRow(number, reason, self._drop())
        text = self.piece[self.at : end]
        self.at = end
        if problem:
            return BrokenRow(number, problem, visible(text))
        if not is_utf8(text):
            return BrokenRow(number, "not UTF-8", visible(text))
        if not isinstance(value, dict):
            return not_a_row(number, value, text)
        return line_row(number, on_one_line(text.encode()))

    def _drop(self) -> str:
        """Go past a value that is too long, piece by piece; return its start."""
        start = visible(self.piece[self.at : self.at + SHOWN]) + "…"
        if self.piece[self.at] not in '[{"':
            raise self._error("a number without end")
        depth, inside = 0, False
        while True:
            found = (IN_TEXT if inside else IN_VALUE).search(self.piece, self.at)
            if found is None or found[0] == "\\":  # the character after it is in the next piece
                self.at = found.start() if found else len(self.piece)
                if not self._more():
                    raise self._error("the file ends in the middle of a row")
                continue
            self.at = found.end()
            if found[0] == '"':
                inside = not inside
            elif not inside:
                depth += 1 if found[0] in "[{" else -1
            if not depth and not inside:
                return start

    def _value(self) -> tuple[Any, int, str]:
        """Return the next value, its end in the piece, and why it cannot be parsed, if so.

        Raises `TooLong`.
        """
        while True:
            try:
                value, end = self.decode(self.piece, self.at)
            except json.JSONDecodeError as error:
                # An error away from the end is one for good; texts are reported at their start.
                is_cut = error.pos + LONGEST_TOKEN > len(self.piece) or error.msg.startswith(
                    "Unterminated"
                )
                if not (is_cut and self._more()):
                    raise self._error(said(error), error.pos) from error
            except (ValueError, RecursionError) as error:
                return None, self._skip(), too_much(error)
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
            raise self._error(f"expected '{character}', found '{visible(found)}'")
        self.at += 1

    def _more(self) -> bool:
        """Drop what has been read and add a piece; False at the end of the file."""
        rest = self.piece[self.at :]
        if len(rest) > self.limit:
            raise TooLong
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
        return not_json(self.source, message, *self._position(self.at if at is None else at))

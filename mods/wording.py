"""How messages are worded: safe to show, short, with suggestions and remedies."""

from __future__ import annotations

import difflib
import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

JSON_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    ((list, tuple), "a list"),
    (Mapping, "an object"),
)


def printable(text: str) -> str:
    """Escape control characters and lone surrogates, so that data cannot drive a terminal."""
    return "".join(
        c
        if c.isprintable() or c in " \n"
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )


def shorten(value: Any, limit: int = 80) -> str:
    """Write a value as JSON on one short line."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def quoted(value: Any) -> str:
    """Return a value as it may stand in a message: quoted, short, ASCII."""
    return reprlib.repr(value).encode("ascii", "backslashreplace").decode("ascii")


def one_line(error: BaseException) -> str:
    """Return the first line of what an error says, without its full stop; else its type."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def describe(error: BaseException) -> str:
    """Return the type of an error and its message."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def suggest(word: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` when something similar is known, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def json_kind(value: Any) -> str:
    """Name the kind of a value in JSON's words."""
    for types, name in JSON_KINDS:
        if isinstance(value, types):
            return name
    return type(value).__name__


def needs_extra(what: str, extra: str) -> str:
    """Say that something needs an optional part of mods, and the line that adds it."""
    return f'{what} one more package: pip install "mods[{extra}]"'

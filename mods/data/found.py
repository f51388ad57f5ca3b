"""Where the fields of a row were found, and what stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from mods.data.values import as_text, native
from mods.records import Message

Built: TypeAlias = tuple[list[Message], str, str]
"""All turns, the instruction proper, and the separate input."""

PLAIN = {
    "alpaca": ("instruction", "input", "output"),
    "prompt-completion": ("prompt", "", "completion"),
}
"""By schema: the fields of rows that are a question and its answer."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which column serves which field, for rows with the same columns filled."""

    schema: str
    build: Callable[[Found], Built]
    """Makes the conversation of a row of the schema."""
    answer: str
    """The field with the response."""
    plainest: int
    """How many fields the schema needs: a row with no more has nothing but those."""
    columns: Mapping[str, tuple[str, ...]]
    """By field: its columns; mostly one."""
    unused: tuple[str, ...]
    """Columns that hold something and serve no field."""

    @cached_property
    def plain(self) -> tuple[str, str | None, str] | None:
        """The columns of instruction, input and response where there is nothing else to read.

        Most rows of most data sets are so plain that they are checked without being built.
        """
        names = PLAIN.get(self.schema)
        if names is None or not self.columns.keys() <= set(names):
            return None
        asked, input, answered = (self.columns.get(name, ()) for name in names)
        if len(input) > 1:
            return None
        return asked[0], input[0] if input else None, answered[0]

    @property
    def described(self) -> str:
        """Say it in words: `alpaca: instruction=question, output=answer`."""
        pairs = (f"{name}={'+'.join(columns)}" for name, columns in self.columns.items())
        return f"{self.schema}: {', '.join(pairs)}"


class Found:
    """The fields of one row."""

    __slots__ = ("columns", "data", "ignored")

    def __init__(
        self,
        data: Mapping[str, Any],
        columns: Mapping[str, tuple[str, ...]],
        ignored: set[str] | None = None,
    ) -> None:
        self.data = data
        self.columns = columns
        self.ignored = ignored
        """Takes the keys of turns that are not read, as `messages[].refusal`."""

    def has(self, field: str) -> bool:
        """Say whether the field holds something."""
        return field in self.columns

    def value(self, field: str) -> Any:
        """Return what the field holds; None where it holds nothing."""
        columns = self.columns.get(field)
        return native(self.data[columns[0]]) if columns else None

    def ignore(self, field: str, what: str = "") -> None:
        """Note that the column of a field, or a part of it, is not used."""
        if self.ignored is not None:
            self.ignored.add(f"{self.columns[field][0]}{what}")

    def where(self, field: str) -> str:
        """Name the field for messages."""
        columns = self.columns.get(field)
        return f"field '{columns[0] if columns else field}'"

    def text(self, field: str) -> str:
        """Return a text field; `RowError` if it is no text; empty where it holds nothing."""
        return as_text(self.value(field), self.where(field)) if self.has(field) else ""

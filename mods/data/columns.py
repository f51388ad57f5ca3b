"""Columns: where in a row each field of a schema is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mods.data.values import as_text, is_null

FIELDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages",),
    "conversations": ("conversations", "conversation"),
    "instruction": ("instruction", "question"),
    "input": ("input", "context"),
    "output": ("output", "response", "answer"),
    "history": ("history",),
    "prompt": ("prompt",),
    "completion": ("completion", "response"),
    "system": ("system", "system_prompt"),
}
"""The columns each field is looked for in, best first."""


class Columns:
    """The fields of one row, wherever they are."""

    __slots__ = ("_chosen", "_data")

    def __init__(self, data: Mapping[str, Any], chosen: Mapping[str, str]) -> None:
        self._data = data
        self._chosen = chosen

    @property
    def names(self) -> list[str]:
        """All columns of the row, known or not."""
        return [str(name) for name in self._data]

    def column(self, field: str) -> str:
        """Return the column of a field: one with a value, else one that is there, else its name."""
        if field in self._chosen:
            return self._chosen[field]
        names = FIELDS[field]
        for name in names:
            if not is_null(self._data.get(name)):
                return name
        return next((name for name in names if name in self._data), field)

    def value(self, field: str) -> Any:
        """Return the value of the field; None if it is missing or null."""
        value = self._data.get(self.column(field))
        return None if is_null(value) else value

    def has_value(self, field: str) -> bool:
        """Say whether the field is there and not null."""
        return self.value(field) is not None

    def has_column(self, field: str) -> bool:
        """Say whether the field is there, null or not."""
        return self.column(field) in self._data

    def text(self, field: str) -> str:
        """Return a text field; `RowError` if it is null or no text."""
        return as_text(self.value(field), f"field '{self.column(field)}'")

    def optional_text(self, field: str) -> str:
        """Return a text field, empty if it is missing or null."""
        return self.text(field) if self.has_value(field) else ""

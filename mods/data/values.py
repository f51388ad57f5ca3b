"""Values of a row: what is text, a list or null, and how a row is shown in the quarantine."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Sequence
from typing import Any

from mods.wording import json_kind


class RowError(ValueError):
    """A row that cannot become a record; the message is the reason in its quarantine entry."""


def as_text(value: Any, where: str, expected: str = "text") -> str:
    """Return a text; `RowError` if the value is something else or no valid Unicode."""
    if not isinstance(value, str):
        raise RowError(f"{where} should be {expected}, found {json_kind(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowError(
            f"{where} is no valid Unicode: half a surrogate pair at character {error.start + 1}"
        ) from None
    return value


def as_list(value: Any, where: str, expected: str) -> Sequence[Any]:
    """Return a list or tuple; `RowError` if the value is something else."""
    if not is_list(value):
        raise RowError(f"{where} should be {expected}, found {json_kind(value)}")
    items: Sequence[Any] = value
    return items


def is_null(value: Any) -> bool:
    """Say whether a value is none: null, or the NaN that pandas writes into empty cells."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_list(value: Any) -> bool:
    """Say whether a value is a list (a tuple counts)."""
    return isinstance(value, (list, tuple))


def as_json(data: Any) -> str:
    """Return a row as JSON text for the quarantine; always encodable as UTF-8."""
    try:
        text = json.dumps(data, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = reprlib.repr(data)  # keys that are no text, cycles, deep nesting
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

"""Values of cells: what counts as empty, as a text, as a list, and JSON that stands in a text."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from mods.wording import json_kind, quoted


class RowError(ValueError):
    """A row that cannot become a record; the message is the reason in its quarantine entry."""


def is_empty(value: Any) -> bool:
    """Say whether a cell holds nothing: null, the NaN that pandas writes, '', [] or {}."""
    if value is None or type(value).__name__ in NULLS:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, (str, bytes, list, tuple, dict)):
        return not value
    return hasattr(value, "tolist") and is_empty(value.tolist())


NULLS = ("NAType", "NaTType")
"""Types of the nulls of pandas."""


def native(value: Any) -> Any:
    """Return a value with lists and numbers in place of what NumPy has for them."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: native(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [native(item) for item in value]
    return native(value.tolist()) if hasattr(value, "tolist") else value


def is_list(value: Any) -> bool:
    """Say whether a value is a list (a tuple counts)."""
    return isinstance(value, (list, tuple))


def as_text(value: Any, where: str, expected: str = "text") -> str:
    """Return a text; a number or a truth value counts as it is written in JSON.

    Raises `RowError` if the value is something else or no valid Unicode.
    """
    if not isinstance(value, str):
        if isinstance(value, (bool, int, float)) and not is_empty(value):
            return json.dumps(value)
        raise RowError(f"{where} should be {expected}, found {json_kind(value)}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RowError(
                f"{where} is no valid Unicode: half a surrogate pair at character {error.start + 1}"
            ) from None
    return value


def as_weight(value: Any, where: str) -> float:
    """Return a training weight, a number from 0; also as a text, or as true or false."""
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0 if str(value).lower() != "true" else 1.0
        weight = 0.0 if str(value).lower() == "false" else weight
    if not 0 <= weight < math.inf:
        raise RowError(f"{where} should be a number from 0, found {quoted(value)}")
    return weight


def as_list(value: Any, where: str, expected: str) -> Sequence[Any]:
    """Return a list; a text that holds one as JSON counts. `RowError` for anything else."""
    value = opened(value, where)
    if not is_list(value):
        raise RowError(f"{where} should be {expected}, found {json_kind(value)}")
    items: Sequence[Any] = value
    return items


def opened(value: Any, where: str) -> Any:
    """Return what a cell holds: tables keep lists and objects as JSON in a text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowError(f"{where} looks like JSON but is none: {error}") from None
    return value


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Turn an object of lists of one length into a list of objects; None for anything else."""
    lists = list(columns.values())
    if not lists or not all(is_list(item) for item in lists):
        return None
    if len({len(item) for item in lists}) != 1:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def as_json(data: Any) -> str:
    """Return a row as JSON text for the quarantine; always encodable as UTF-8."""
    try:
        text = json.dumps(data, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = reprlib.repr(data)  # keys that are no text, cycles, deep nesting
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

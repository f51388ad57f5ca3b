"""What the readers of Arrow tables share: rows of batches, and errors. A helper: no hooks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from mods import BrokenRow, DataError, RawRow
from mods.wording import one_line

ROWS_AT_ONCE = 1000
"""Rows of a Parquet file or a dataset that are in memory at a time."""
TEXT_TYPES = {"string", "large_string", "string_view", "binary", "large_binary"}
"""Arrow types whose bytes can be shown as text."""


@contextlib.contextmanager
def arrow_errors(source: str, what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a library into a `DataError`."""
    try:
        yield
    except kinds as error:
        raise DataError(
            f"{source} is not a {what} file or folder, or it is damaged: {one_line(error)}"
        ) from error


def arrow_rows(batches: Iterable[Any]) -> Iterator[RawRow | BrokenRow]:
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
            yield _row_text(row), f"{reason}: {one_line(error)}"


def _row_text(row: Any) -> str:
    """Return what can be shown of a row that cannot be read: bytes of texts, types of the rest."""
    shown: dict[str, str] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        if str(column.type) in TEXT_TYPES:
            value = column.cast("binary")[0].as_py() or b""
            shown[name] = value.decode("utf-8", "backslashreplace")
        else:
            shown[name] = f"<{column.type}>"
    return json.dumps(shown, ensure_ascii=False)

"""What the readers of Arrow tables share: rows of batches, and errors. A helper: no hooks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from mods import BrokenRow, DataError, RawRow
from mods.wording import one_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Sizes: TypeAlias = npt.NDArray[np.int64]

ROWS_AT_ONCE = 1000
"""Rows of a Parquet file or a dataset that are in memory at a time."""
TEXT_TYPES = {"string", "large_string", "string_view", "binary", "large_binary"}
"""Arrow types whose bytes can be shown as text."""
NOT_READABLE = (ValueError, OverflowError, ArithmeticError)
LONG = 1 << 12
"""Characters from which equal texts are shared between rows."""


@contextlib.contextmanager
def arrow_errors(source: str, what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a library into a `DataError`."""
    try:
        yield
    except kinds as error:
        raise DataError(
            f"{source} is not a {what} file or folder, or it is damaged: {one_line(error)}"
        ) from error


def arrow_rows(batches: Iterable[Any], limit: int) -> Iterator[RawRow | BrokenRow]:
    """Yield the rows of record batches; those of more than `limit` bytes are broken."""
    number = 0
    values = Values()
    for batch in batches:
        sizes = added(map(sizes_of, batch.columns), batch.num_rows)
        large = set((sizes > limit).nonzero()[0].tolist())
        rows = None if large else values.rows(batch)
        for place in range(batch.num_rows):
            number += 1
            if rows is not None:
                yield RawRow(number, rows[place])
            elif place in large:
                size, most = int(sizes[place]) >> 20, limit >> 20
                reason = f"{size} MB or more, the limit is {most} MB (`max_row_mb`)"
                yield BrokenRow(number, reason, _types(batch))
            else:
                yield _row(number, batch.slice(place, 1), values)


def _row(number: int, batch: Any, values: Values) -> RawRow | BrokenRow:
    """Return the only row of a batch."""
    try:
        return RawRow(number, values.checked(batch)[0])
    except NOT_READABLE as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "not readable"
        return BrokenRow(number, f"{reason}: {one_line(error)}", _row_text(batch))


class Values:
    """Makes Python values of Arrow arrays; long texts that are equal are one object.

    A text that a file holds once, for a million rows, is then in memory once.
    """

    most = 256
    """Long texts that are remembered."""

    def __init__(self) -> None:
        self.long: dict[Any, Any] = {}

    def rows(self, batch: Any) -> list[dict[str, Any]] | None:
        """Return the rows of a batch, or None if one of them cannot be read."""
        try:
            return self.checked(batch)
        except NOT_READABLE:
            return None

    def checked(self, batch: Any) -> list[dict[str, Any]]:
        """Return the rows of a batch."""
        names = batch.schema.names
        if not names:
            return [{} for _ in range(batch.num_rows)]
        columns = [self.of(column) for column in batch.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def of(self, array: Any) -> list[Any]:
        """Return the values of an array."""
        import pyarrow as pa

        kind = array.type
        if pa.types.is_dictionary(kind):
            return self._shared(array)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return self._lists(array)
        if pa.types.is_struct(kind) and kind.num_fields:
            names = [kind.field(i).name for i in range(kind.num_fields)]
            columns = [self.of(column) for column in array.flatten()]
            return [
                dict(zip(names, row, strict=True)) if there else None
                for there, row in zip(
                    array.is_valid().to_pylist(), zip(*columns, strict=True), strict=True
                )
            ]
        found: list[Any] = array.to_pylist()
        return found

    def _shared(self, array: Any) -> list[Any]:
        """Return the values of an array of places in a dictionary, each value made once."""
        places = array.indices.to_pylist()
        used = sorted({place for place in places if place is not None})
        made = array.dictionary.take(_int_array(used)).to_pylist()
        values = dict(zip(used, map(self._known, made), strict=True))
        return [None if place is None else values[place] for place in places]

    def _known(self, value: Any) -> Any:
        if not isinstance(value, (str, bytes)) or len(value) < LONG:
            return value
        if len(self.long) >= self.most:
            self.long.clear()
        return self.long.setdefault(value, value)

    def _lists(self, array: Any) -> list[Any]:
        offsets = array.offsets.to_pylist()
        start = offsets[0] if offsets else 0
        inner = self.of(array.values.slice(start, offsets[-1] - start if offsets else 0))
        return [
            inner[offsets[i] - start : offsets[i + 1] - start] if there else None
            for i, there in enumerate(array.is_valid().to_pylist())
        ]


def sizes_of(array: Any) -> Sizes:
    """Return how many bytes the value of each row takes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        inner = sizes_of(array.dictionary)
        places = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
        return inner[places] if len(inner) else np.zeros(len(array), np.int64)
    if str(kind) in TEXT_TYPES - {"string_view"}:
        lengths = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
        return lengths.astype(np.int64)  # type: ignore[no-any-return]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = array.offsets.to_numpy().astype(np.int64)
        inner = sizes_of(array.values.slice(offsets[0], offsets[-1] - offsets[0]))
        total = np.concatenate([[0], np.cumsum(inner)])
        found: Sizes = np.diff(total[offsets - offsets[0]]) + 8 * np.diff(offsets)
        return found
    if pa.types.is_struct(kind):
        return added(map(sizes_of, array.flatten()), len(array))
    return np.full(len(array), array.nbytes // max(len(array), 1), np.int64)


def added(sizes: Iterable[Sizes], rows: int) -> Sizes:
    """Add up the sizes of several columns."""
    import numpy as np

    total = np.zeros(rows, np.int64)
    for column in sizes:
        total += column
    return total


def _int_array(values: list[int]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.int64())


def _types(batch: Any) -> str:
    """Return what can be shown of a row that is not looked at: its columns and their types."""
    pairs = zip(batch.schema.names, batch.schema.types, strict=True)
    return json.dumps({name: f"<{kind}>" for name, kind in pairs}, ensure_ascii=False)


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

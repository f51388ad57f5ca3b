"""Selected rows as tables: their own columns, then what the run says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mods.errors import DataError, ModsError, RunFolderError, SettingsError
from mods.wording import needs_extra, one_line, printable

Rows = Sequence[Mapping[str, Any]]
PREFIX = "mods_"
"""How the columns begin that a run adds."""
FIRST = ("order", "reason", "source", "row", "id")
ALIKE = ("fate", "stage")
"""Columns of the receipts that say nothing about selected rows."""


def marks_of(receipts: Any) -> Any:
    """Return what the receipts say of the selected rows, in order of pick: a pyarrow table."""
    import pyarrow.compute as pc

    chosen = receipts.filter(pc.field("fate") == "selected").sort_by("order")
    more = [name for name in chosen.column_names if name not in (*FIRST, *ALIKE)]
    names = [*FIRST, *more]
    return chosen.select(names).rename_columns([PREFIX + name for name in names])


def columns_of(rows: Rows, marks: Any | None) -> dict[str, list[Any]]:
    """Return the values of rows by column, None where a row lacks one.

    Raises `SettingsError` where a column is called like one of the `marks`, `RunFolderError` where
    these are of other rows.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    if marks is not None:
        if marks.num_rows != len(rows):
            raise RunFolderError(
                f"{len(rows):,} selected rows, but {marks.num_rows:,} receipts of such: not the "
                "files of one run"
            )
        taken = [name for name in marks.column_names if name in names]
        if taken:
            raise SettingsError(
                f"the rows have a column {taken[0]!r} of their own: give `marks=False`, and "
                "rename it"
            )
    return {name: [row.get(name) for row in rows] for name in names}


def as_arrow(rows: Rows, marks: Any | None) -> Any:
    """Return rows as a pyarrow table; `DataError` where a column holds values of several kinds."""
    import pyarrow as pa

    columns = {}
    for name, values in columns_of(rows, marks).items():
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError, UnicodeError) as error:
            raise DataError(
                f"the column {printable(name)!r} of the selected rows fits no table "
                f"({printable(one_line(error))}): take `rows` or `to_pandas()`"
            ) from error
    if marks is not None:
        columns.update(zip(marks.column_names, marks.columns, strict=True))
    return pa.table(columns)


def as_pandas(rows: Rows, marks: Any | None) -> Any:
    """Return rows as a data frame; values are those of the rows, None where there is none."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ModsError(needs_extra("to_pandas() needs", "datasets")) from error

    frame = pd.DataFrame(
        {
            # Numbers beside nothing would become floats.
            name: pd.Series(values, dtype=object if any(v is None for v in values) else None)
            for name, values in columns_of(rows, marks).items()
        }
    )
    return frame if marks is None else frame.join(marks.to_pandas())


def as_dataset(rows: Rows, marks: Any | None) -> Any:
    """Return rows as a `datasets.Dataset`; `DataError` as `as_arrow`."""
    try:
        from datasets import Dataset
    except ImportError as error:
        raise ModsError(needs_extra("to_dataset() needs", "datasets")) from error

    return Dataset(as_arrow(rows, marks))

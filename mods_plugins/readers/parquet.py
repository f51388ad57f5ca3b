"""Parquet files. Registers the reader `parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mods import BrokenRow, RawRow, hookimpl
from mods_plugins.readers.arrow import ROWS_AT_ONCE, arrow_errors, arrow_rows
from mods_plugins.readers.files import FileReader, opened

if TYPE_CHECKING:
    from mods.interfaces import Register


class ParquetReader(FileReader):
    """Parquet, read batch by batch; the row number counts from 1."""

    understands = "Parquet (.parquet)"
    endings = (".parquet", ".pq")

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the file is damaged or not Parquet."""
        import pyarrow as pa
        from pyarrow import parquet

        with opened(source) as file, arrow_errors(source, "Parquet", pa.ArrowException):
            yield from arrow_rows(parquet.ParquetFile(file).iter_batches(ROWS_AT_ONCE))


@hookimpl
def register_readers(register: Register) -> None:
    """Register `parquet`."""
    register("parquet", ParquetReader)

"""Parquet files. Registers the reader `parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mods import BrokenRow, DataError, RawRow, hookimpl
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
            # Texts come as places in a dictionary: one that stands in a million rows is read once.
            schema = parquet.ParquetFile(file).schema
            columns = [schema.column(i) for i in range(len(schema))]
            texts = [c.path for c in columns if c.physical_type == "BYTE_ARRAY"]
            file.seek(0)
            table = parquet.ParquetFile(file, read_dictionary=texts, buffer_size=BUFFER)
            yield from arrow_rows(self._batches(table, source), self.limit)

    def _batches(self, table: Any, source: str) -> Iterator[Any]:
        """Yield batches that are no larger than a row may be, as far as the file tells."""
        for number in range(table.num_row_groups):
            group = table.metadata.row_group(number)
            if not group.num_rows:
                continue
            columns = [group.column(i) for i in range(group.num_columns)]
            for column in columns:
                self._check(column, source)
            size = sum(max(c.total_uncompressed_size, 8 * c.num_values) for c in columns)
            rows = max(1, min(ROWS_AT_ONCE, self.limit * group.num_rows // max(size, 1)))
            yield from table.iter_batches(rows, row_groups=[number])

    def _check(self, column: Any, source: str) -> None:
        """Refuse a column that no honest file has: next to nothing that unpacks to gigabytes."""
        size = max(column.total_uncompressed_size, column.num_values)
        if size > SUSPECT * self.limit and size > RATIO * column.total_compressed_size:
            raise DataError(
                f"{source}: column {column.path_in_schema} unpacks from "
                f"{column.total_compressed_size >> 10} KB to {size >> 20} MB: this is no data set "
                "(or raise `max_row_mb`)"
            )


BUFFER = 1 << 20
"""Bytes that are read from the file at a time."""
SUSPECT = 4
"""So many times the limit of a row a column may unpack to, whatever it is packed to."""
RATIO = 500
"""Times that texts are packed smaller at most, with a wide margin."""


@hookimpl
def register_readers(register: Register) -> None:
    """Register `parquet`."""
    register("parquet", ParquetReader)

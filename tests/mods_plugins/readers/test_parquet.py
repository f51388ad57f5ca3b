from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from reader_files import ROWS, read, reader_of, rows

from mods import DataError
from mods.testing import check_reader
from mods_plugins.readers import parquet


@pytest.mark.parametrize("batch", [2, 1000])
def test_rows_come_batch_by_batch(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", batch)
    turns = [{"messages": [{"role": "user", "content": "a"}]}]
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_pylist(turns), tmp_path / "b.parquet")
    assert rows(read(tmp_path / "a.parquet")) == ROWS
    assert rows(read(tmp_path / "b.parquet")) == turns


def test_keeps_the_rules(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    check_reader(reader_of(path), str(path))


UNREADABLE = {
    "text.parquet": ("PAR1 it is not", "not a Parquet file or folder, or it is damaged"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    content, message = UNREADABLE[name]
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / name, content)
    assert name in str(error.value)


def test_it_is_registered():
    made = {}
    parquet.register_readers(made.__setitem__)
    assert made == {"parquet": parquet.ParquetReader}

from __future__ import annotations

import subprocess
import sys

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


BOMB = """
import sys
from mods_plugins.readers.parquet import ParquetReader
rows = list(ParquetReader(max_row_mb=4).read(sys.argv[1]))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(rows), int(peak.split()[1]) >> 10)
"""
"""Not by getrusage: that counts what the process was before it became this one, too."""


def test_a_small_file_of_gigabytes_takes_little_memory(tmp_path):
    path = tmp_path / "a.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), ["x" * 1_000_000])
    pq.write_table(pa.table({"a": column, "n": range(4000)}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    run = subprocess.run([sys.executable, "-c", BOMB, path], capture_output=True, check=True)
    count, megabytes = map(int, run.stdout.split())
    assert (count, megabytes < 400) == (4000, True)


def test_a_row_over_the_limit_is_set_aside(tmp_path):
    pq.write_table(pa.table({"a": ["x" * (2 << 20), "y"]}), tmp_path / "a.parquet")
    large, small = read(tmp_path / "a.parquet", max_row_mb=1)
    assert large.reason == "2 MB or more, the limit is 1 MB (`max_row_mb`)"
    assert small.data == {"a": "y"}


def test_a_column_that_unpacks_to_more_than_any_data_set_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    texts = pa.table({"a": ["x" * (1 << 20)] * 9})
    pq.write_table(texts, path, compression="zstd", use_dictionary=False)
    with pytest.raises(DataError, match=r"a\.parquet: column a unpacks from \d+ KB to 9 MB"):
        read(path, max_row_mb=1)
    assert len(read(path, max_row_mb=64)) == 9


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

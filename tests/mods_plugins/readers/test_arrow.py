from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pyarrow import parquet
from reader_files import read

from mods import BrokenRow, DataError, RawRow
from mods_plugins.readers.arrow import Values, arrow_errors, arrow_rows, sizes_of


def test_text_that_is_not_utf8_breaks_its_row_only(tmp_path):
    column = pa.array([b"ok", b"\xff!", b"ok"]).view(pa.string())
    parquet.write_table(pa.table({"a": column}), tmp_path / "a.parquet")
    one, two, three = read(tmp_path / "a.parquet")
    assert (one.data, three.data, three.row) == ({"a": "ok"}, {"a": "ok"}, 3)
    assert (two.row, json.loads(two.text)) == (2, {"a": r"\xff!"})
    assert two.reason.startswith("not UTF-8")


def test_numbers_run_on_from_batch_to_batch():
    good = pa.record_batch({"a": ["x", "y"]})
    bad = pa.record_batch({"a": pa.array([b"\xff"]).view(pa.string()), "n": pa.array([1])})
    one, two, three, four = arrow_rows([good, bad, good.slice(0, 1)], 1 << 20)
    assert (one, two, four) == (RawRow(1, {"a": "x"}), RawRow(2, {"a": "y"}), RawRow(4, {"a": "x"}))
    assert isinstance(three, BrokenRow)
    assert (three.row, json.loads(three.text)) == (3, {"a": r"\xff", "n": "<int64>"})


NESTED = {
    "texts": ["a", None, "bc"],
    "turns": [[{"role": "user", "n": 1}, {"role": None, "n": None}], None, []],
    "lists": [["a", "bc"], [None], None],
    "struct": [{"x": {"y": "z"}}, None, {"x": None}],
    "bytes": [b"\xff", None, b""],
    "numbers": [1.5, None, 2.0],
    "empty": [{}, {}, None],
}


@pytest.mark.parametrize("name", NESTED)
def test_values_are_those_of_arrow_whatever_their_type(tmp_path, name):
    """Read from a file, texts are places in a dictionary."""
    table = pa.table({name: pa.array(NESTED[name])})
    batch = table.to_batches()[0]
    assert Values().rows(batch.slice(1)) == [{name: value} for value in NESTED[name][1:]]
    if name != "empty":  # Parquet does not hold it
        parquet.write_table(table, tmp_path / "a.parquet")
        assert [row.data for row in read(tmp_path / "a.parquet")] == table.to_pylist()


def test_sizes_are_told_before_values_are_made():
    turns = pa.array([[{"r": "abc"}, {"r": "d"}], None, [{"r": "ef"}]])
    assert sizes_of(turns).tolist() == [4 + 16, 0, 2 + 8]
    assert sizes_of(turns.slice(2)).tolist() == [10]
    shared = pa.array(["abc", "d", None, "abc"]).dictionary_encode()
    assert sizes_of(shared).tolist()[:2] == [3, 1]
    batch = pa.record_batch({"a": ["x" * 50, "y"], "b": [1, 2]})
    large, small = arrow_rows([batch], 40)
    assert large == BrokenRow(1, large.reason, '{"a": "<string>", "b": "<int64>"}')
    assert "0 MB (`max_row_mb`)" in large.reason
    assert small.data == {"a": "y", "b": 2}


def test_long_texts_that_are_equal_are_one_object():
    column = pa.array(["x" * 5000] * 3).dictionary_encode()
    batches = [pa.record_batch({"a": column}), pa.record_batch({"a": column.slice(1)})]
    assert len({id(row.data["a"]) for row in arrow_rows(batches, 1 << 20)}) == 1


def test_errors_of_a_library_become_one_line():
    with (
        pytest.raises(DataError, match=r"a\.pq is not a Parquet file or folder, .*: no$"),
        arrow_errors("a.pq", "Parquet", KeyError, ValueError),
    ):
        raise ValueError("no.\nlong advice")

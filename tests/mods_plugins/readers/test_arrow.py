from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pyarrow import parquet
from reader_files import read

from mods import BrokenRow, DataError, RawRow
from mods_plugins.readers.arrow import arrow_errors, arrow_rows


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
    one, two, three, four = arrow_rows([good, bad, good.slice(0, 1)])
    assert (one, two, four) == (RawRow(1, {"a": "x"}), RawRow(2, {"a": "y"}), RawRow(4, {"a": "x"}))
    assert isinstance(three, BrokenRow)
    assert (three.row, json.loads(three.text)) == (3, {"a": r"\xff", "n": "<int64>"})


def test_errors_of_a_library_become_one_line():
    with (
        pytest.raises(DataError, match=r"a\.pq is not a Parquet file or folder, .*: no$"),
        arrow_errors("a.pq", "Parquet", KeyError, ValueError),
    ):
        raise ValueError("no.\nlong advice")

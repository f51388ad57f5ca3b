"""What a run writes is what was read: byte for byte for JSON, and loadable for all else."""

from __future__ import annotations

import json

import pyarrow as pa
from pyarrow import parquet


def test_rows_of_json_are_written_byte_for_byte(mods, toy_run, tmp_path, rows):
    lines = [
        f'{{"z":1e999, "n": 0.1000000000000000055511151231257827, "instruction" : "{i} \\u00e9", '
        f'"output":"{"x" * i}\\/"}}'.encode()
        for i in range(40)
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    mods(*toy_run(tmp_path / "a.jsonl", tmp_path / "RUN"))
    written = (tmp_path / "RUN" / "selected.jsonl").read_bytes().splitlines()
    assert len(written) == 14
    assert set(written) <= set(lines)


def test_bytes_are_written_as_base64_and_their_columns_named(mods, toy_run, tmp_path, rows):
    table = [{**row, "picture": {"bytes": b"\xff", "path": None}} for row in rows]
    parquet.write_table(pa.Table.from_pylist(table), tmp_path / "a.parquet")
    mods(*toy_run(tmp_path / "a.parquet", tmp_path / "RUN"))
    written = (tmp_path / "RUN" / "selected.jsonl").read_text().splitlines()
    assert json.loads(written[0])["picture"] == {"bytes": "/w==", "path": None}
    manifest = json.loads((tmp_path / "RUN" / "manifest.json").read_text())
    assert "selected.jsonl: bytes are written as base64: picture" in manifest["notices"]

"""Saving a run: the manifest comes last, and a picture that fails is no reason to lose the rest."""

import errno
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mods import OutputError
from mods.progress import Progress
from mods.runs import save as saving


def test_a_run_leaves_its_rows_receipts_pool_quarantine_and_picture(select, rows, tmp_path):
    out = tmp_path / "run"
    selection = select([*rows, "no row"], output=out)
    assert {p.name for p in out.iterdir()} - {".lock"} == {
        "manifest.json", "selected.jsonl", "receipts.parquet", "pool.parquet",
        "quarantine.jsonl", "costs.json", "conversations.parquet", "vectors.npy",
        "report.png", "report.html",
    }  # fmt: skip
    lines = (out / "selected.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == selection.rows
    assert pq.read_table(out / "receipts.parquet").num_rows == 42
    assert pq.read_table(out / "pool.parquet").num_rows == 30
    (broken,) = map(json.loads, (out / "quarantine.jsonl").read_text().splitlines())
    assert (broken["row"], broken["text"]) == (42, '"no row"')
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    assert pq.read_table(out / "conversations.parquet")["id"].to_pylist() == [
        r["id"] for r in pq.read_table(out / "receipts.parquet").to_pylist()[:40]
    ]
    vectors = np.load(out / "vectors.npy")
    np.testing.assert_array_equal(vectors, selection.pool.embeddings)


def test_vectors_too_large_to_keep_are_a_note(select, tmp_path, monkeypatch):
    select(output=tmp_path / "run")
    monkeypatch.setattr(saving, "MOST_VECTORS", 100)
    progress = Progress(quiet=True)
    select(output=tmp_path / "run", progress=progress)
    assert "MB of vectors are not kept" in progress.notices[-1]
    assert not (tmp_path / "run" / "vectors.npy").exists()


def test_a_run_that_cannot_be_written_leaves_no_manifest(select, tmp_path, monkeypatch):
    out = tmp_path / "run"
    select(output=out)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write .*: No space left.*free space"):
        select(output=out)
    assert not (out / "manifest.json").exists()
    assert not list(out.glob(".*.part"))


@pytest.mark.parametrize(
    ("what", "drawing", "file"),
    [("picture", "draw_picture", "report.png"), ("report", "write_page", "report.html")],
)
def test_what_cannot_be_drawn_is_a_note(what, drawing, file, select, tmp_path, monkeypatch):
    def too_large(*_):
        raise OverflowError("too large to draw")

    monkeypatch.setattr(saving, drawing, too_large)
    progress = Progress(quiet=True)
    select(output=tmp_path / "run", progress=progress)
    note = f"the {what} could not be drawn: OverflowError: too large to draw"
    assert progress.notices[-1] == note
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["notices"][-1] == note
    assert not (tmp_path / "run" / file).exists()


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
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "a.parquet")
    mods(*toy_run(tmp_path / "a.parquet", tmp_path / "RUN"))
    written = (tmp_path / "RUN" / "selected.jsonl").read_text().splitlines()
    assert json.loads(written[0])["picture"] == {"bytes": "/w==", "path": None}
    manifest = json.loads((tmp_path / "RUN" / "manifest.json").read_text())
    assert "selected.jsonl: bytes are written as base64: picture" in manifest["notices"]

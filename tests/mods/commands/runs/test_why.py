"""`mods why`: the whole story of a row, also from a folder that was moved."""

import json
import shutil

import pyarrow.parquet as pq


def test_the_story_of_selected_rejected_and_broken_rows_is_told(data, mods, toy_run, tmp_path):
    run = tmp_path / "run"
    mods(*toy_run(data, run))
    receipts = pq.read_table(run / "receipts.parquet").to_pylist()
    chosen = next(r for r in receipts if r["order"] == 9)
    told = mods("why", run, chosen["row"]).output
    assert f"{data}:{chosen['row']}  SELECTED" in told
    assert "picked    9 of 14" in told
    assert "quality_toy_length" in told
    assert "necessity_toy_known" in told
    assert "the nearest other selected row" in told
    assert "duplicate of" in mods("why", run, "41").output
    assert "QUARANTINED" in mods("why", run, f"{data}:42").output
    by_id = json.loads(mods("why", run, chosen["id"][:12], "--json").output)
    assert [r["row"] for r in by_id] == [chosen["row"]]
    assert "names no row" in mods("why", run, "99", code=1).output
    shutil.move(run, tmp_path / "moved")
    shutil.rmtree(tmp_path / "cache")
    data.unlink()
    assert mods("why", tmp_path / "moved", chosen["row"]).output == told


def test_text_from_the_data_cannot_drive_the_terminal(mods, toy_run, tmp_path, rows):
    data = tmp_path / "rows.jsonl"
    rows[2]["output"] = 7
    rows[2]["instruction"] = "\x1b[31mred"
    lines = [json.dumps(row) for row in rows]
    data.write_text("\n".join([*lines, '{"\x1b[31m": 1']) + "\n")
    mods(*toy_run(data, tmp_path / "run"))
    for row in (3, 42):
        assert "\x1b" not in mods("why", tmp_path / "run", row).output

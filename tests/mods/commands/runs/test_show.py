"""`mods show`: a run on one screen, the same as JSON, and nothing that drives a terminal."""

import json

import pytest

from mods.commands.runs.show import bars_for, histogram


def test_a_run_is_shown_with_rows_scores_reasons_and_costs(data, tmp_path, mods, toy_run):
    mods(*toy_run(data, tmp_path / "run"))
    shown = mods("show", tmp_path / "run").output
    assert "rows in 42 = 14 selected + 27 rejected + 1 quarantined" in shown
    assert "necessity             6        16            0" in shown
    assert "8 selected in coverage       seed" in shown
    assert "quality_toy_length: 40 rows; stay: above alpha top 30 (30)" in shown
    assert "seconds" in shown
    found = json.loads(mods("show", tmp_path / "run", "--json").output)
    assert found["rows"]["totals"] == {"selected": 14, "rejected": 27, "quarantined": 1}
    (tmp_path / "run" / "costs.json").unlink()
    assert json.loads(mods("show", tmp_path / "run", "--json").output)["costs"] is None
    assert "holds no run" in mods("show", tmp_path, code=1).output


@pytest.mark.parametrize(("score", "column"), [(-5.0, 0), (0.0, 0), (5.0, 2), (9.0, 3), (50.0, 3)])
def test_the_threshold_stands_below_its_bin(score, column):
    cut = {"setting": "alpha", "asked": "top 3", "score": score}
    told = {"name": "q", "rows": 7, "threshold": cut, "low": 0.0, "high": 10.0}
    _, head, bars, mark = histogram({**told, "counts": [1, 0, 2, 4]})
    assert head == f"q: 7 rows; stay: above alpha top 3 ({score:g})"
    start = bars.index("0 ") + 2
    assert mark.index("^") - start == column
    full, empty = bars[start + 3], bars[start + 1]
    assert empty == " "
    assert full in "█@"


def test_an_output_without_blocks_gets_plain_marks():
    assert bars_for("utf-8")[-1] == "█"
    for encoding in ("ascii", "cp1252", None):
        assert bars_for(encoding).isascii()


def test_what_a_folder_says_cannot_drive_a_terminal(data, tmp_path, mods, toy_run):
    mods(*toy_run(data, tmp_path / "run"))
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["notices"] = ["\x1b[2J first\nrows in 0"]
    path.write_text(json.dumps(manifest))
    shown = mods("show", tmp_path / "run").output
    assert r"note: \x1b[2J first\nrows in 0" in shown
    assert "\x1b" not in shown

"""Comparing runs: rows are the same by what they say, in whatever file."""

import pytest

from mods import SettingsError
from mods.runs.compare import compare


def test_selections_and_scores_of_runs_are_set_side_by_side(select, rows, tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    first = select(output=folders[0])
    again = select(list(reversed(rows)), output=folders[1])
    third = select(rows[:36], output=folders[2], budget=8, alpha="top 20")
    found = compare(folders)
    ids = [{record.id for record in run.records} for run in (first, again, third)]
    assert [run["name"] for run in found["runs"]] == ["a", "b", "c"]
    assert found["shared"] == [[len(a & b) for b in ids] for a in ids]
    assert found["overlap"][0][2] == len(ids[0] & ids[2]) / len(ids[0] | ids[2])
    assert found["in all"] == len(ids[0] & ids[1] & ids[2])
    assert [own["rows"] for own in found["alone"]] == [
        len(mine - set.union(*(other for other in ids if other is not mine))) for mine in ids
    ]
    for own, run in zip(found["alone"], (first, again, third), strict=True):
        asked = {(r.source, r.row): r.instruction for r in run.records}
        assert all(row["text"] == asked[row["source"], row["row"]] for row in own["first"])
    assert found["sources"] == {"<python>": [14, 14, 8]}
    names = found["agreement"]["scores"]
    at, of = names.index("a: quality_toy_length"), names.index("b: quality_toy_length")
    assert found["agreement"]["rho"][at][of] == pytest.approx(1)
    assert found["agreement"]["rows"][at][of] == 40
    assert found["scores"]["necessity_toy_known"][2] is None


def test_one_run_or_the_same_twice_is_refused(select, tmp_path):
    select(output=tmp_path / "a")
    with pytest.raises(SettingsError, match="two run folders"):
        compare([tmp_path / "a"])
    with pytest.raises(SettingsError, match="named twice"):
        compare([tmp_path / "a", tmp_path / "a"])

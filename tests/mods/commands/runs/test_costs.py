"""`mods costs`: what a run took, told from its folder."""

import json
from dataclasses import fields

import pytest

from mods.work.costs import Cost


def test_every_stage_is_told_with_what_was_computed_and_what_was_cached(
    mods, toy_run, data, tmp_path
):
    mods(*toy_run(data, tmp_path / "run"))
    mods(*toy_run(data, tmp_path / "again"))
    first, again = (
        json.loads(mods("costs", tmp_path / name, "--json").output) for name in ("run", "again")
    )
    assert list(first) == ["reading", "quality", "coverage", "necessity", "writing"]
    names = {field.name for field in fields(Cost)} | {"cached"}
    for stages in (first, again):
        for stage in stages.values():
            assert stage["seconds"] >= 0
            assert all(cost.keys() == names for cost in stage["work"].values())
    assert first["reading"]["work"]["files"]["bytes_read"] == data.stat().st_size
    assert first["reading"]["work"]["files"]["rows"] == 42
    scored = [stages["quality"]["work"]["toy-length"] for stages in (first, again)]
    assert [(cost["computed"], cost["cached"]) for cost in scored] == [(40, 0), (0, 40)]
    assert scored[1]["bytes_read"] == scored[0]["bytes_written"] > 0
    assert first["necessity"]["work"]["tuning"]["bytes_written"] > 0
    written = sum(
        path.stat().st_size
        for path in (tmp_path / "run").iterdir()
        if path.name not in ("manifest.json", "costs.json", "report.html", ".lock")
    )
    assert first["writing"]["work"]["run folder"]["bytes_written"] == written
    shown = mods("costs", tmp_path / "again").output
    assert "quality    toy-length" in shown
    assert "seconds passed" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no costs of a run: no costs.json"),
        ("{", "cannot be read"),
        ("[]", "does not hold the costs of a run"),
        ('{"stages": {"quality": {"seconds": "long", "work": {}}}}', "(quality.seconds)"),
        ('{"stages": {"quality": {"seconds": 1, "work": {"x": {"rows": []}}}}}', "work.x.rows"),
    ],
)
def test_a_folder_without_costs_is_refused_in_one_line(text, message, tmp_path, mods):
    if text is not None:
        (tmp_path / "costs.json").write_text(text)
    assert message in mods("costs", tmp_path, code=1).output


def test_what_a_folder_says_cannot_drive_a_terminal(tmp_path, mods):
    work = {"\x1b[2J": {"rows": 3}}
    stages = {"quality\x07": {"seconds": 1.0, "work": work}}
    (tmp_path / "costs.json").write_text(json.dumps({"stages": stages}))
    shown = mods("costs", tmp_path).output
    assert "\x1b" not in shown
    assert "\x07" not in shown

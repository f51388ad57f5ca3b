"""`mods compare`: tables in a terminal, the same as a page or as JSON."""

import json


def test_runs_are_compared(data, mods, toy_run, tmp_path):
    for name, more in (("a", ()), ("b", ("--alpha", "top 20"))):
        mods(*toy_run(data, tmp_path / name, *more))
    page = tmp_path / "new" / "c.html"
    told = mods("compare", tmp_path / "a", tmp_path / "b", "-o", page).output
    assert "alpha" in told
    assert "budget" not in told.split("overlap")[0]  # the same in both
    assert "14 (1.00)" in told
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    found = json.loads(mods("compare", tmp_path / "a", tmp_path / "b", "--json").output)
    assert found["shared"][0][0] == 14
    refused = mods("compare", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "a/manifest.json",
                   code=1)  # fmt: skip
    assert "would overwrite" in refused.output
    assert "two run folders" in mods("compare", tmp_path / "a", code=1).output

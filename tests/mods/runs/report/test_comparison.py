"""The page of a comparison: whatever the rows hold is shown as text, and nothing runs."""

import re

from mods.runs.compare import compare
from mods.runs.report.comparison import write_comparison


def test_rows_of_a_comparison_stay_text(select, rows, tmp_path, chromium):
    evil = [
        {**row, "instruction": f"<script>alert(1)</script>\u202e {i}"} for i, row in enumerate(rows)
    ]
    for name, settings in (("a", {}), ("b<b>", {"alpha": "top 20"})):
        select(evil, output=tmp_path / name, **settings)
    write_comparison(compare([tmp_path / "a", tmp_path / "b<b>"]), tmp_path / "c.html")
    text = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert not re.search("<script|\u202e", text)
    page = chromium.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((tmp_path / "c.html").as_uri())
    assert "b<b>" in page.inner_text("main")
    page.click("summary >> nth=0")
    assert "<script>alert(1)</script>\\u202e" in page.inner_text("main")
    page.close()
    assert complaints == []

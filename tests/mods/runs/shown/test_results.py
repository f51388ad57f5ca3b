"""Finished runs as Python users get them: fresh or opened, they say the same."""

import pytest

from mods import RunFolderError
from mods.runs.shown.results import Run


def test_an_opened_run_is_what_the_selection_was(select, tmp_path):
    selection = select(output=tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert list(run.rows) == selection.rows
    assert run.totals == selection.totals
    assert run.to_arrow().equals(selection.to_arrow())
    assert run.receipts.num_rows == len(selection.receipts)
    assert run.pool.num_rows == len(selection.pool.records)
    assert run._repr_html_() == selection._repr_html_().replace("Selection:", "Run:")


def test_a_line_says_what_came_out(select, tmp_path):
    selection = select(output=tmp_path / "run")
    told = f"14 of 41 rows selected; 27 rejected, 0 quarantined; in {tmp_path / 'run'}>"
    assert repr(selection) == f"<Selection: {told}"
    assert repr(Run.open(tmp_path / "run")) == f"<Run: {told}"


@pytest.mark.parametrize("text", ["{", "3\n", None])
def test_a_folder_with_a_broken_selection_is_told(text, select, tmp_path):
    select(output=tmp_path / "run")
    path = tmp_path / "run" / "selected.jsonl"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(RunFolderError, match=r"selected\.jsonl cannot be read"):
        Run.open(tmp_path / "run").to_arrow()

"""What happened to a row: told from the run folder alone, wherever it lies."""

import shutil

import pytest

from mods import SettingsError
from mods.runs.why import find_receipts, tell


@pytest.fixture
def run(select, tmp_path, rows):
    """The folder of a whole run: 40 rows, a duplicate of the fourth, and one that is no row."""
    folder = tmp_path / "run"
    select([*rows, "no row"], output=folder)
    return folder


def story(folder, row):
    receipts, manifest = find_receipts(folder, row)
    return [tell(receipt, manifest) for receipt in receipts]


def test_a_selected_row_is_told_with_its_scores_its_place_and_its_neighbour(run):
    everything = [find_receipts(run, str(row))[0][0] for row in range(1, 43)]
    chosen = next(receipt for receipt in everything if receipt["order"] == 9)
    (told,) = story(run, str(chosen["row"]))
    assert told.startswith(f"<python>:{chosen['row']}  SELECTED\n")
    assert f"quality_toy_length = {chosen['quality_toy_length']:.6g}   (alpha top 30, cut" in told
    assert "necessity_toy_known" in told
    assert "picked    9 of 14" in told
    near = chosen["nearest"]
    assert f"{near['distance']:.4g} away: <python>:{near['row']}, the nearest other" in told
    assert everything[near["row"] - 1]["fate"] == "selected"
    assert told.endswith("decided   in the necessity stage: necessary")


def test_rows_that_are_no_record_are_told_too(run):
    assert "duplicate of <python>:4" in story(run, "41")[0]
    assert "id        - (the row could not be read)" in story(run, "42")[0]


def test_a_row_is_named_by_number_source_or_the_start_of_its_id(run):
    ((receipt,), _) = find_receipts(run, "17")
    for name in ("<python>:17", receipt["id"], receipt["id"][:12]):
        assert [r["row"] for r in find_receipts(run, name)[0]] == [17]
    for name in ("99", "elsewhere:17", "x" * 12):
        with pytest.raises(SettingsError, match=r"names no row of .*; files: <python>"):
            find_receipts(run, name)
    with pytest.raises(SettingsError, match="an empty ROW"):
        find_receipts(run, "")


def test_a_moved_folder_tells_the_same_without_the_cache(run, tmp_path):
    before = [story(run, str(row)) for row in range(1, 43)]
    assert sum("the nearest other selected row" in told for (told,) in before) == 30
    moved = tmp_path / "elsewhere" / "run"
    shutil.copytree(run, moved)
    shutil.rmtree(run)
    shutil.rmtree(tmp_path / "cache")
    assert [story(moved, str(row)) for row in range(1, 43)] == before

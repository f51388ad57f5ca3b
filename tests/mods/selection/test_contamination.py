"""Rows that repeat prompts leave a run before the quality stage, with that reason."""

import json

import pytest
from conftest import HERE
from reader_files import all_readers

from mods import RunFolderError, SettingsError
from mods.runs.why import find_receipts, tell


@pytest.fixture
def registry(registry):
    """The toy plug-ins, and a reader of JSONL."""
    registry.register("reader", HERE, "jsonl", lambda: all_readers()["jsonl"])
    return registry


@pytest.fixture
def test_set(tmp_path, rows):
    """Two prompts that rows 4 (and 41, its duplicate) and 6 ask, and one that none does."""
    path = tmp_path / "test.jsonl"
    asked = [rows[3]["instruction"], rows[5]["instruction"].upper(), "something else entirely"]
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in asked))
    return path


def test_they_leave_unscored_and_every_row_is_accounted_for(select, rows, test_set, calls):
    selection = select(against=test_set)
    found = {r.row: r for r in selection.receipts if r.stage == "contamination"}
    assert found.keys() == {4, 6}
    assert {r.fate for r in found.values()} == {"rejected"}
    assert found[6].reason == "repeats test, row 2 (whole, 100%): paint the forest"
    assert all(not r.scores for r in found.values())
    assert sum(kind == "score" for kind, _ in calls()) == 38
    assert sum(selection.totals.values()) == len(rows)
    stages = selection.manifest["rows"]["by_stage"]
    assert stages["contamination"] == {"selected": 0, "rejected": 2, "quarantined": 0}
    assert (
        "contamination: 2 rows repeat prompts of test (2) and left"
        in (selection.manifest["notices"])
    )


def test_near_rows_leave_where_that_is_asked_for(select, test_set, calls, rows):
    test_set.write_text(json.dumps({"prompt": " ".join(rows[8]["instruction"].split()[::-1])}))
    assert not [r for r in select(against=test_set).receipts if r.stage == "contamination"]
    calls()
    near = [r for r in select(against=test_set, near=0.999).receipts if r.stage == "contamination"]
    assert [(r.row, r.reason.split(":")[0]) for r in near] == [
        (9, "repeats test, row 1 (near, cosine 1.000)")
    ]


def test_what_rows_were_held_against_is_part_of_what_makes_a_run(select, test_set, tmp_path):
    makes = select(against=[str(test_set)], output=tmp_path / "run").manifest["makes"]
    assert makes["settings"]["against"] == [str(test_set)]
    assert makes["against"]["prompts"] == 3
    assert len(makes["against"]["sources"][str(test_set)]) == 64
    with test_set.open("a") as file:
        file.write('{"prompt": "one more"}\n')
    with pytest.raises(RunFolderError, match=r"against.prompts: 3 before, 4 now"):
        select(against=[str(test_set)], output=tmp_path / "run")


def test_the_story_of_a_row_names_the_prompt(select, test_set, tmp_path):
    select(against=test_set, output=tmp_path / "run")
    (receipt,), manifest = find_receipts(tmp_path / "run", "4")
    told = tell(receipt, manifest)
    assert "decided   in the contamination stage: repeats test, row 1 (whole, 100%)" in told


def test_nothing_left_is_said_and_near_needs_prompts(select, tmp_path, rows):
    every = tmp_path / "every.jsonl"
    every.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SettingsError, match="every row repeats a prompt of `against`"):
        select(against=every)
    with pytest.raises(SettingsError, match="`near` needs prompts"):
        select(near=0.9)

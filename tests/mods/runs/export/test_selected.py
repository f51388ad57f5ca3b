"""The selected rows come back from a run folder, in order of pick, or the folder is refused."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mods import RunFolderError
from mods.runs.export.selected import licences, selected_records
from mods.runs.saved import SavedRun


@pytest.fixture
def run(rows, select, tmp_path):
    """A run, whose rows have a licence and an input of their own here and there, and its folder."""
    for at, row in enumerate(rows):
        row |= {"input": "with care"} if at % 2 else {"license": "cc-by-4.0" if at % 4 else "mit"}
    folder = tmp_path / "run"
    return select(rows, output=folder), folder


def test_records_are_those_of_the_selection_split_prompts_included(run):
    selection, folder = run
    found = selected_records(SavedRun.load(folder), folder)
    assert found == list(selection.records)
    assert {record.input for record in found} == {"", "with care"}
    assert [record.key for record in found] == [record.key for record in selection.records]


def test_licences_are_counted_as_the_rows_name_them(run):
    selection, folder = run
    named = [record.raw.get("license", "") for record in selection.records]
    assert licences(folder) == {name: named.count(name) for name in set(named)}
    assert len(set(named)) == 3


def test_a_folder_that_does_not_hold_all_is_refused(run):
    _, folder = run
    saved = SavedRun.load(folder)
    path = folder / "conversations.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 5), path)
    with pytest.raises(RunFolderError, match=r"lacks \d+ of 14 selected"):
        selected_records(saved, folder)
    pq.write_table(table, path)
    broken = pa.array(["{}"] * table.num_rows)
    pq.write_table(table.set_column(3, "conversation", broken), path)
    with pytest.raises(RunFolderError, match="no run that can be told"):
        selected_records(saved, folder)
    pq.write_table(table, path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["rows"]["selected"] = 15
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match="not the files of one run"):
        selected_records(SavedRun.load(folder), folder)
    (folder / "selected.jsonl").write_text("{")
    with pytest.raises(RunFolderError, match=r"selected.jsonl cannot be read"):
        licences(folder)

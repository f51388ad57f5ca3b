"""The run folder: one run at a time, never silently another."""

import pytest

from mods import OutputError, RunFolderError, SettingsError
from mods.runs.folder import RunFolder, differences


def test_two_runs_cannot_write_one_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with (
        folder.claimed({}, overwrite=False),
        pytest.raises(RunFolderError, match="another run is writing"),
        RunFolder(tmp_path / "run").claimed({}, overwrite=True),
    ):
        pass
    with folder.claimed({}, overwrite=False) as has_locks:
        assert has_locks in (True, False)


def test_files_that_no_run_wrote_are_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    folder = RunFolder(tmp_path)
    with pytest.raises(RunFolderError, match=r"holds files but no run.*give `overwrite`"):  # noqa: SIM117
        with folder.claimed({}, overwrite=False):
            pass
    with folder.claimed({}, overwrite=True):
        assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "run").write_text("mine")
    with (
        pytest.raises(OutputError, match=r"`output` .*run: a file is in the way"),
        RunFolder(tmp_path / "run").claimed({}, overwrite=True),
    ):
        pass


def test_another_run_is_refused_and_what_differs_is_named(select, tmp_path):
    out = tmp_path / "run"
    select(output=out)
    select(output=out)
    with pytest.raises(RunFolderError, match=r"settings\.budget: 14 before, 12 now\. Choose"):
        select(output=out, budget=12)
    assert len(select(output=out, budget=12, overwrite=True).records) == 12


def test_an_unfinished_run_is_no_obstacle_and_its_half_written_files_go(select, tmp_path):
    out = tmp_path / "run"
    select(output=out)
    (out / "manifest.json").unlink()
    draft = out / ".receipts.parquet.123.part"
    draft.write_bytes(b"half")
    select(output=out, budget=12)
    assert not draft.exists()


def test_a_run_replaces_no_file_that_it_reads(tmp_path):
    source = tmp_path / "." / "selected.jsonl"
    with pytest.raises(
        SettingsError, match=r"`output` .*would replace .*selected\.jsonl, which it"
    ):
        RunFolder(tmp_path).keep_inputs(["<python>", str(source)])
    RunFolder(tmp_path / "other").keep_inputs([str(source)])


def test_a_broken_manifest_is_told(tmp_path):
    for content in ("{", "[1]"):
        (tmp_path / "manifest.json").write_text(content)
        with pytest.raises(RunFolderError, match=r"manifest\.json (cannot be read|is not the)"):
            RunFolder(tmp_path).manifest()


def test_differences_name_their_place():
    assert differences({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}) == ["a.b[1]: 2 before, 3 now"]
    assert differences({"a": 1}, {"b": [1]}) == ["a: 1 before, null now", "b: null before, [1] now"]
    assert differences({"a": 1}, {"a": 1}) == []

"""The folder of a verdict is kept by one verdict, and never taken from another."""

import pytest
from support.toy_verdicts import as_made, judging
from support.verdicts import verdict

from mods import RunFolderError
from mods.verdicts.save import VerdictFolder, load, save


def test_a_folder_of_another_verdict_or_of_other_files_is_refused(tmp_path):
    folder = VerdictFolder(tmp_path / "out")
    with folder.claimed({"model": "a"}, overwrite=False):
        save(verdict(makes={"of": {"model": "a"}}), folder.path)
    with (
        pytest.raises(RunFolderError, match='model: "a" before, "b" now'),
        folder.claimed({"model": "b"}, overwrite=False),
    ):
        pass
    with folder.claimed({"model": "b"}, overwrite=True):
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with (
        pytest.raises(RunFolderError, match="holds files but no verdict"),
        VerdictFolder(tmp_path / "mine").claimed({}, overwrite=False),
    ):
        pass


def test_a_second_verdict_is_kept_out(tmp_path):
    folder = VerdictFolder(tmp_path)
    refused = pytest.raises(RunFolderError, match="another verdict is writing")
    with folder.claimed({}, overwrite=False), refused:
        with_second(tmp_path)


def with_second(path):
    with VerdictFolder(path).claimed({}, overwrite=False):
        pass


def test_what_was_saved_is_loaded_and_damage_is_told(tmp_path):
    made = verdict()
    assert save(made, tmp_path) == []
    assert load(tmp_path) == made
    (tmp_path / "verdict.json").write_text("[]")
    with pytest.raises(RunFolderError, match="holds no verdict"):
        load(tmp_path)


def test_arms_that_come_later_replace_the_verdict_on_the_same_run(toy_folder, mods):
    mods(*judging())
    mods(*judging("verdict", "--arms", "+longest"))
    assert list(as_made(toy_folder / "verdict")["arms"])[-1] == "longest"

"""`mods.open_run`: a folder that was moved is opened; what is none is refused."""

import pytest

import mods


def test_a_moved_folder_is_opened(tmp_path, select):
    selection = select(output=tmp_path / "run")
    moved = tmp_path / "elsewhere"
    (tmp_path / "run").rename(moved)
    run = mods.open_run(str(moved))
    assert isinstance(run, mods.Run)
    assert run.to_pandas(marks=False).to_dict("records") == selection.rows
    with pytest.raises(mods.RunFolderError, match="holds no run"):
        mods.open_run(tmp_path)

"""A saved run: the same from memory and from a folder, or a clear word on what is wrong with it."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mods import RunFolderError
from mods.runs.saved import SavedRun


@pytest.fixture
def run(select, tmp_path):
    """A run that was made and saved, and its folder."""
    folder = tmp_path / "run"
    return select(output=folder), folder


def test_what_is_loaded_is_what_was_saved(run):
    selection, folder = run
    saved, loaded = SavedRun.of(selection), SavedRun.load(folder)
    assert loaded.manifest == saved.manifest
    assert loaded.receipts.equals(saved.receipts)
    assert loaded.pool.equals(saved.pool)


BROKEN = [
    ("manifest.json", None, "holds no run: no manifest.json"),
    ("manifest.json", "{}", "not that of a finished run"),
    ("receipts.parquet", None, "receipts.parquet cannot be read"),
    ("receipts.parquet", "cut", "receipts.parquet cannot be read"),
    (
        "pool.parquet",
        {"id": ["a"]},
        "pool.parquet is not the table of a run: its column source is missing",
    ),
]


def test_a_folder_that_lacks_something_is_told(run, tmp_path):
    for number, (name, content, message) in enumerate(BROKEN):
        folder = tmp_path / f"broken-{number}"
        shutil.copytree(run[1], folder)
        (folder / name).unlink()
        if isinstance(content, str):
            (folder / name).write_text(content)
        elif content:
            pq.write_table(pa.table(content), folder / name)
        with pytest.raises(RunFolderError) as error:
            SavedRun.load(folder)
        assert message in str(error.value)
        assert str(folder) in str(error.value)


def test_a_run_folder_names_no_place_but_its_inputs(run, tmp_path):
    _, folder = run
    manifest = json.loads((folder / "manifest.json").read_text())
    assert str(tmp_path) not in json.dumps(manifest["makes"]["settings"])
    assert "cache" not in manifest

import errno
import json
import os

import pytest

from mods import RunFolderError
from mods.cached import SCORES, VECTORS, decoded
from mods.runfolder import RunFolder, differences
from mods.store import Store


def test_a_full_disk_is_a_clear_error_and_leaves_the_old_file(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.write_json("manifest.json", {"old": 1})

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"manifest\.json: No space left.*free space"):
        folder.write_json("manifest.json", {"new": 1})
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]


def test_two_runs_cannot_write_one_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with (
        folder.locked(),
        pytest.raises(RunFolderError, match="another run is writing"),
        RunFolder(tmp_path / "run").locked(),
    ):
        pass


def test_files_that_no_run_wrote_are_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds files but no run"):
        RunFolder(tmp_path).claim({}, overwrite=False)


def test_lone_surrogates_are_written_escaped(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_lines("x.jsonl", iter([{"a": "\ud800"}, {"a": "é"}]))
    first, second = (tmp_path / "x.jsonl").read_bytes().splitlines()
    assert json.loads(first) == {"a": "\ud800"}
    assert second == '{"a": "é"}'.encode()


def test_differences_name_their_place():
    assert differences({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}) == ["a.b[1]: 2 before, 3 now"]
    assert differences({"a": 1}, {"a": 1}) == []


def test_a_damaged_cache_names_its_file_and_the_remedy(tmp_path):
    store = Store(tmp_path, "scores", {"a": 1})
    store.put([("x", b"1")])
    store.close()
    store.path.write_bytes(b"not a database" * 100)
    for extra in ("-wal", "-shm"):
        store.path.with_name(store.path.name + extra).unlink(missing_ok=True)
    with pytest.raises(RunFolderError, match=r"the cache .*sqlite cannot be used.*--cache"):
        Store(tmp_path, "scores", {"a": 1})
    store = Store(tmp_path, "vectors", {})
    store.put([("x", b"cut")])
    for codec in (SCORES, VECTORS):
        with pytest.raises(RunFolderError, match=r"vectors-.*sqlite cannot be used.*--cache"):
            decoded(store, codec, ["x"])
    store.close()

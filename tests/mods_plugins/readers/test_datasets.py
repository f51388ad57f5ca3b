from __future__ import annotations

import sys
from pathlib import Path

import pytest
from reader_files import ROWS, rows

from mods import DataError
from mods.testing import check_reader
from mods_plugins.readers import datasets as reading


@pytest.fixture
def datasets():
    return pytest.importorskip("datasets")


def test_datasets_folders(datasets, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 2)
    reader = reading.DatasetsReader()
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(tmp_path / "one")
    assert rows(reader.read(str(tmp_path / "one"))) == ROWS
    two = datasets.DatasetDict({"train": one, "test": one.select([3, 1])})
    two.save_to_disk(tmp_path / "two")
    assert rows(reader.read(str(tmp_path / "two"))) == ROWS
    test = f"{tmp_path / 'two'}:test"
    assert reader.matches(test)
    assert rows(reader.read(test)) == [ROWS[3], ROWS[1]]
    with pytest.raises(DataError, match="no split 'dev': choose from train, test"):
        list(reader.read(f"{tmp_path / 'two'}:dev"))
    with pytest.raises(DataError, match="without splits: leave out ':train'"):
        list(reader.read(f"{tmp_path / 'one'}:train"))
    (tmp_path / "one" / "data-00000-of-00001.arrow").write_bytes(b"no")
    with pytest.raises(DataError, match="it is damaged"):
        list(reader.read(str(tmp_path / "one")))


def test_hub_ids_go_to_load_dataset(datasets, monkeypatch):
    reader, asked = reading.DatasetsReader(), []

    def load_dataset(name, **options):
        asked.append((name, options))
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert rows(reader.read("user/name@refs/pr/1:train[:5]")) == ROWS
    assert rows(reader.read("user/gpt-3.5")) == ROWS
    assert asked == [
        ("user/name", {"revision": "refs/pr/1", "split": "train[:5]"}),
        ("user/gpt-3.5", {"revision": None, "split": None}),
    ]


def test_a_hub_id_that_does_not_exist_may_be_a_missing_folder(datasets, monkeypatch):
    def load_dataset(name, **options):
        raise datasets.exceptions.DatasetNotFoundError("not on the hub\nlong advice")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        DataError, match=r"no such file or folder, and as a hub id .*: not on the h"
    ):
        list(reading.DatasetsReader().read("user/name"))


def test_what_is_no_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data/folder").mkdir(parents=True)
    matches = reading.DatasetsReader().matches
    assert matches("user/name")
    for source in ("name", "data/folder", "data/a.jsonl", "data/a.txt", "./name", "/a/b", "a/b/c"):
        assert not matches(source), source


def test_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'pip install "mods\[datasets\]"'):
        list(reading.DatasetsReader().read("user/name"))


def test_keeps_the_rules(datasets, tmp_path):
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    check_reader(reading.DatasetsReader(), str(tmp_path / "one"))


def test_it_is_registered():
    made = {}
    reading.register_readers(made.__setitem__)
    assert made == {"datasets": reading.DatasetsReader}

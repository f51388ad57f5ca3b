"""Folders as the hub and trainers lay them out: only rows to train on are read unless asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mods import DataError
from mods.data.folders import list_folder, split_of, trainer_columns

ENDINGS = (".jsonl", ".json", ".parquet", ".csv")


@pytest.fixture
def listed(tmp_path):
    def call(*names, split="", **contents):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(contents.get(path.stem, {})))
        found = list_folder(str(tmp_path), split, lambda path: path.endswith(ENDINGS))
        return [str(Path(p).relative_to(tmp_path)) for p in found.files], found

    return call


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00002.parquet", "train"),
        ("my_train.jsonl.gz", "train"),
        ("test.jsonl", "test"),
        ("eval.csv", "test"),
        ("alpaca-dev.json", "validation"),
        ("val/0000.parquet", "validation"),
        ("validation_2.json", "validation"),
        ("latest.jsonl", ""),
        ("training.json", "train"),
        ("contest.jsonl", ""),
        ("trainer.jsonl", ""),
    ],
)
def test_names_say_which_split_a_file_is_of(name, split):
    assert split_of(name) == split


def test_only_what_is_to_train_on_is_read_and_the_rest_is_named(listed):
    files, found = listed(
        "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet", "README.md", "extra.jsonl", "notes.txt",
        ".hidden.jsonl", "x.lock", "state.json", "other/a.jsonl",
    )  # fmt: skip
    assert files == [
        "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "extra.jsonl"
    ]  # fmt: skip
    (note,) = found.notes
    for left in (
        "README.md (no rows)", "notes.txt (no data file)", "state.json (no rows)", "x.lock",
        "data/test-00000-of-00001.parquet (split test: ", ":test reads it)", "other/ (no data file",
    ):  # fmt: skip
        assert left in note
    assert ".hidden" not in note


def test_a_split_can_be_asked_for(listed):
    names = ("train.jsonl", "test.jsonl", "valid.jsonl", "extra.jsonl")
    assert listed(*names, split="test")[0] == ["test.jsonl"]
    assert listed(*names, split="dev")[0] == ["valid.jsonl"]
    assert "extra.jsonl (of no split)" in listed(*names, split="train")[1].notes[0]
    with pytest.raises(DataError, match=r"has no split .gold.: there is .*train"):
        listed(*names, split="gold")


def test_a_folder_of_one_split_is_read_and_one_without_training_rows_asks(listed):
    assert listed("test.jsonl")[0] == ["test.jsonl"]
    with pytest.raises(DataError, match="splits test and validation, but none to train on: say"):
        listed("test.jsonl", "dev.jsonl")


def test_the_index_of_a_trainer_names_files_and_their_columns(listed):
    index = {
        "mine": {"file_name": "mine.json", "columns": {"prompt": "q", "response": "a"}},
        "plain": {"file_name": "plain.json"},
        "pages": {"file_name": "pages.json", "columns": {"prompt": "text"}},
        "gone": {"file_name": "gone.json", "columns": {"prompt": "q", "response": "a"}},
        "web": {"hf_hub_url": "x/y"},
    }
    names = ("dataset_info.json", "mine.json", "plain.json", "pages.json", "stray.json")
    files, found = listed(*names, dataset_info=index)
    assert files == ["mine.json", "plain.json"]
    assert list(found.columns.values()) == [{"instruction": "q", "output": "a"}]
    said, left = found.notes
    assert "the columns of mine.json are as dataset_info.json says" in said
    assert "stray.json (not among the rows that dataset_info.json names)" in left


@pytest.mark.parametrize("index", [{"default": {"splits": {}}}, [1], "x", {"a": {"file_name": 3}}])
def test_an_index_of_another_kind_is_left_out(listed, index):
    files, found = listed("dataset_info.json", "a.jsonl", dataset_info=index)
    assert (files, found.columns) == (["a.jsonl"], {})
    assert found.notes[0].endswith("left out: dataset_info.json (no rows)")


def test_forms_of_a_trainer_are_our_fields():
    entry = {"formatting": "sharegpt", "columns": {"messages": "talk", "tools": "t"}}
    assert trainer_columns(entry) == {"conversations": "talk", "tools": "t"}
    entry = {"ranking": True, "columns": {"prompt": "q", "chosen": "good", "rejected": "bad"}}
    assert trainer_columns(entry) == {"prompt": "q", "chosen": "good", "rejected": "bad"}
    assert trainer_columns({"columns": {"prompt": "text"}}) is None
    assert trainer_columns({}) == {}

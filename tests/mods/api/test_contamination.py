"""The contamination gate from Python."""

import json

import pytest
from conftest import TOY

import mods
from mods import DataError, SettingsError


@pytest.fixture
def test_set(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"prompt": "Paint the candle, please"}) + "\n")
    return path


def test_rows_from_python_are_held_against_files_duplicates_included(test_set, tmp_path):
    asked = {"instruction": "paint the candle - please", "output": "so"}
    rows = [{"instruction": "other", "output": "so"}, asked, {**asked, "output": "no"}, dict(asked)]
    found = mods.contamination(rows, against=test_set, quiet=True, cache=tmp_path / "cache")
    assert [(one.source, one.row, one.kind) for one in found] == [
        ("<python>", 2, "whole"), ("<python>", 3, "whole"), ("<python>", 4, "whole"),
    ]  # fmt: skip
    assert isinstance(found[0], mods.Overlap)


def test_an_embedder_finds_near_rows_too(test_set, tmp_path):
    rows = [{"instruction": text, "output": "so"} for text in ("candle the paint please", "fly")]
    how = {"against": [test_set], "quiet": True, "cache": tmp_path / "cache"}
    assert mods.contamination(rows, **how) == []
    found = mods.contamination(rows, embedder="toy-letters", near=0.98, plugins=[TOY], **how)
    assert [(one.row, one.kind, one.overlap) for one in found] == [
        (1, "near", "paint the candle please")
    ]


def test_what_cannot_be_compared_is_refused(test_set, tmp_path):
    rows = [{"instruction": "a", "output": "b"}]
    with pytest.raises(SettingsError, match="`near` 2: expected a cosine"):
        mods.contamination(rows, against=test_set, near=2)
    with pytest.raises(SettingsError, match="`against` names no file"):
        mods.contamination(rows, against=[])
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(DataError, match=r"none\.jsonl is empty"):
        mods.contamination(rows, against=tmp_path / "none.jsonl")

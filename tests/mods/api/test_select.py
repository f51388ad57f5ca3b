"""`mods.select` does what the command does."""

import json

import pytest
from conftest import TOY, TOY_RUN

import mods as package
from mods import SettingsError


def test_select_equals_the_command_line(data, tmp_path, mods, toy_run, options):
    mods(*toy_run(data, tmp_path / "run"))
    selection = package.select(data, recipe="offline", **TOY_RUN, **options)
    lines = (tmp_path / "run" / "selected.jsonl").read_text().splitlines()
    assert selection.rows == [json.loads(line) for line in lines]
    assert selection.totals == {"selected": 14, "rejected": 27, "quarantined": 1}
    makes = json.loads((tmp_path / "run" / "manifest.json").read_text())["makes"]
    assert selection.manifest["makes"] == makes


def test_a_run_without_an_output_leaves_nothing_but_the_cache(select, tmp_path):
    select()
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_the_same_mistake_is_a_setting_in_python(rows, options):
    with pytest.raises(SettingsError) as error:
        package.select(rows, recipe="offline", **{**TOY_RUN, "seeds": 35, "budget": 35}, **options)
    assert str(error.value).startswith("`seeds` 35, but only 30 of 40 rows pass alpha (top 30)")


def test_one_override_and_one_plugin_need_no_list(rows, tmp_path):
    selection = package.select(
        rows, recipe="offline", plugins=TOY, overrides="tuning.epochs=7", quiet=True,
        cache=tmp_path / "cache", **TOY_RUN,
    )  # fmt: skip
    assert selection.manifest["makes"]["settings"]["tuning"]["epochs"] == 7


def test_a_dataset_of_the_datasets_library_is_data(rows, tmp_path):
    datasets = pytest.importorskip("datasets")
    selection = package.select(
        datasets.Dataset.from_list(rows), recipe="offline", quiet=True, quality="response-length",
        embedder="tfidf:dim=16", seeds=5, budget=5, cache=tmp_path,
    )  # fmt: skip
    assert [set(row) for row in selection.rows] == [{"instruction", "input", "output"}] * 5
    assert sum(selection.totals.values()) == len(rows)

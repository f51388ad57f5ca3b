"""`mods.select` and `mods.score`: the same as the commands, for Python."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import TOY, TOY_RUN

import mods as package
from mods import SettingsError


@pytest.fixture
def options(tmp_path):
    """What every call here gets."""
    return {"plugins": [TOY], "quiet": True, "cache": tmp_path / "cache"}


def test_select_equals_the_command_line(data, tmp_path, mods, toy_run, options):
    mods(*toy_run(data, tmp_path / "run"))
    selection = package.select(data, recipe="offline", **TOY_RUN, **options)
    lines = (tmp_path / "run" / "selected.jsonl").read_text().splitlines()
    assert selection.rows == [json.loads(line) for line in lines]
    assert selection.totals == {"selected": 14, "rejected": 27, "quarantined": 1}
    makes = json.loads((tmp_path / "run" / "manifest.json").read_text())["makes"]
    assert selection.manifest["makes"] == makes


def test_score_equals_the_command_line(data, tmp_path, mods, options):
    out = tmp_path / "scores.parquet"
    mods("--plugin", TOY, "score", data, "--quality", "toy-length", "-o", out)
    table = package.score(data, quality="toy-length", **options)
    assert table.equals(pq.read_table(out))
    assert table.num_rows == 42
    again = package.score(
        str(data), quality={"name": "toy-length"}, output=tmp_path / "b", **options
    )
    assert again.equals(table)
    assert (tmp_path / "b").read_bytes() == out.read_bytes()


def test_the_command_scores_by_what_score_calls(data, tmp_path, mods, monkeypatch, options):
    called = []
    scored = package.api.score_rows

    def seen(data, quality, *arguments, **named):
        called.append((list(data) if isinstance(data, tuple) else [str(data)], quality))
        return scored(data, quality, *arguments, **named)

    monkeypatch.setattr(package.api, "score_rows", seen)
    mods("--plugin", TOY, "score", data, "--quality", "toy-length", "-o", tmp_path / "s", "-q")
    package.score(data, quality="toy-length", **options)
    assert called[0] == called[1]


def test_a_run_without_an_output_leaves_nothing_but_the_cache(select, tmp_path):
    select()
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_the_same_mistake_is_a_setting_in_python(rows, options):
    with pytest.raises(SettingsError) as error:
        package.select(rows, recipe="offline", **{**TOY_RUN, "seeds": 35, "budget": 35}, **options)
    assert str(error.value).startswith("`seeds` 35, but only 30 of 40 rows pass alpha (top 30)")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"instruction": "a", "output": "b"}, "data is a dict: expected files, or rows; give a"),
        (3, "data is 3: expected files, or rows"),
        (None, "data is None: expected files, or rows"),
        ([], "no data: expected at least one file, or rows"),
    ],
)
def test_what_is_no_data_is_refused(data, message, options):
    with pytest.raises(SettingsError) as error:
        package.select(data, recipe="offline", budget=40, **options)
    assert message in str(error.value)


@pytest.mark.parametrize("kind", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_files_may_be_given_one_or_many_as_text_or_paths(kind, tmp_path, options):
    (tmp_path / "a.lines").write_text("one\nthree\n")
    table = package.score(kind(tmp_path / "a.lines"), quality="toy-length", **options)
    assert table["score"].to_pylist() == [3, 5]
    assert table["source"].to_pylist() == [str(tmp_path / "a.lines")] * 2


def test_rows_may_come_from_a_generator(rows, options):
    assert package.score(iter(rows), quality="toy-length", **options).num_rows == 41


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

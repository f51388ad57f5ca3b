"""A run folder is read again: its settings, its rows, and whether they are still those."""

import pytest

from mods import DataError, SettingsError
from mods.api.inputs import registry_with
from mods.progress import Progress
from mods.verdicts.finished import FinishedRun


@pytest.fixture
def run(toy_folder):
    return FinishedRun.load(toy_folder / "run")


def test_the_pool_holds_what_was_scored_and_the_selection_its_order(run, toy_folder):
    settings = run.settings({}, [])
    source = run.read(None, settings, registry_with(()), Progress(quiet=True))
    assert len(source.pool.records) == 40
    assert source.pool.scores["quality"][1] == len(source.pool.records[1].response)
    first = (toy_folder / "run" / "selected.jsonl").read_text().splitlines()[0]
    by_id = {record.id: record for record in source.pool.records}
    assert by_id[source.selected[0]].text == first.encode()


def test_data_that_have_changed_or_gone_are_told(run, toy_folder):
    settings, registry = run.settings({}, []), registry_with(())
    path = toy_folder / "data.jsonl"
    text = path.read_text()
    path.write_text(text.replace("apple", "pear"))
    with pytest.raises(DataError, match="has changed since"):
        run.read(None, settings, registry, Progress(quiet=True))
    path.rename(toy_folder / "moved.jsonl")
    with pytest.raises(DataError, match="is not there"):
        run.read(None, settings, registry, Progress(quiet=True))
    (toy_folder / "moved.jsonl").write_text(text)
    moved = run.read(toy_folder / "moved.jsonl", settings, registry, Progress(quiet=True))
    assert len(moved.pool.records) == 40


def test_settings_change_and_a_template_file_must_be_named(run):
    assert run.settings({"model": "other"}, ["tuning.epochs=5"]).tuning.epochs == 5
    own = {**run.manifest["makes"]["settings"], "tuning": {"template": "sha256:" + "0" * 64}}
    manifest = {"makes": {**run.manifest["makes"], "settings": own}}
    hashed = FinishedRun(run.folder, manifest, run.receipts, run.quality)
    with pytest.raises(SettingsError, match=r"name it with tuning\.template=FILE"):
        hashed.settings({}, [])
    assert hashed.settings({}, ["tuning.template=alpaca"]).tuning.template == "alpaca"

"""`mods.export` does what the command does."""

import datasets
import pytest
from conftest import TOY

import mods as package
from mods import SettingsError
from mods.api import export as api

BUILT_IN = ("trl", "llama-factory", "axolotl", "ms-swift", "messages", "alpaca", "datasets")


@pytest.fixture
def run(data, mods, toy_run, tmp_path):
    """The folder of a run."""
    mods(*toy_run(data, tmp_path / "run"))
    return tmp_path / "run"


def test_export_equals_the_command_line(run, mods, tmp_path):
    mods("--plugin", TOY, "export", run, "--to", "toy-pairs", "-o", tmp_path / "a")
    made = package.export(run, to="toy-pairs", output=tmp_path / "b" / "a", plugins=[TOY])
    assert made.exported == made.selected == 14
    for name in [*made.files, "export.json"]:
        assert (made.folder / name).read_bytes() == (tmp_path / "a" / name).read_bytes()
    assert package.export(run, to={"name": "messages"}).folder == tmp_path / "run-messages"


@pytest.mark.parametrize("to", BUILT_IN)
def test_datasets_loads_the_folder_of_every_exporter(run, to, tmp_path):
    made = package.export(run, to=to)
    loaded = datasets.load_dataset(str(made.folder), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": made.exported}
    assert made.exported + len(made.refused) == 14


def test_the_run_says_how_it_tunes(run, tmp_path):
    made = package.export(run, to="axolotl:model=org/model")
    config = (made.folder / "axolotl.yaml").read_text()
    assert 'base_model: "org/model"' in config
    assert "num_epochs: 2.0" in config  # of the recipe `offline`


def test_without_a_token_nothing_is_written(run, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="no token"):
        package.export(run, to="messages", push_to_hub="me/mine")
    assert not (tmp_path / "run-messages").exists()


def test_a_push_follows_the_folder(run, monkeypatch):
    pushed = []
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setattr(api, "push", lambda *what, public: pushed.append((*what, public)))
    made = package.export(run, to="messages", push_to_hub="me/mine", public=True)
    assert pushed == [(made, "me/mine", "secret", True)]

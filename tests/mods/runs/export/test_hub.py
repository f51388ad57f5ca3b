"""Pushing to the hub, with a hub that only listens."""

from pathlib import Path

import huggingface_hub
import pytest

from mods import OutputError, SettingsError
from mods.runs.export.folder import Export
from mods.runs.export.hub import check_hub, push

MADE = Export(Path("out"), 3, 2, (), {"train.jsonl": "0", "README.md": "1"})


@pytest.fixture
def heard(monkeypatch):
    """What the hub was told; `heard.fails` makes it refuse."""

    class Heard(list):
        fails = None

    heard = Heard()

    class Hub:
        def __init__(self, token):
            self.token = token

        def create_repo(self, name, **how):
            heard.append((self.token, name, how))

        def upload_folder(self, **what):
            if heard.fails:
                raise heard.fails
            heard.append(what)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    return heard


def test_the_files_of_the_export_are_pushed_and_nothing_else(heard):
    assert push(MADE, "me/mine", "secret") == "https://huggingface.co/datasets/me/mine"
    made, pushed = heard
    assert made == (
        "secret", "me/mine", {"repo_type": "dataset", "private": True, "exist_ok": True}
    )  # fmt: skip
    assert pushed["allow_patterns"] == ["train.jsonl", "README.md", "export.json"]
    assert (pushed["repo_id"], pushed["repo_type"]) == ("me/mine", "dataset")
    push(MADE, "me/mine", "secret", public=True)
    assert heard[2][2]["private"] is False


def test_what_the_hub_refuses_is_told_without_the_token(heard):
    heard.fails = OSError("no room for secret")
    with pytest.raises(OutputError, match="no room for …; the export lies whole in out"):
        push(MADE, "me/mine", "secret")


def test_the_token_comes_from_the_environment_alone(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="no token; set HF_TOKEN"):
        check_hub("me/mine")
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert check_hub("me/mine") == "secret"
    with pytest.raises(SettingsError, match="expected USER/NAME"):
        check_hub("mine")

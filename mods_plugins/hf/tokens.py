"""Tokenized texts: what a network is given, and how many tokens it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mods_plugins.hf.padding import attention_mask, padded

if TYPE_CHECKING:
    import torch

NO_LIMIT = 10**9
"""Stands for the limit of a model that has none; longer than any row."""
COUNTING_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
"""Models that number positions from the padding id on, so that the first ones are never used."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized text."""

    ids: list[int]
    types: list[int] | None = None
    """Segment of each token, for models that tell the first text from the second."""


def model_inputs(
    rows: Sequence[Row], pad_id: int | None, device: torch.device
) -> dict[str, torch.Tensor]:
    """Make the inputs of a network: int64 tensors of shape (len(rows), longest row).

    Rows are padded on the right and masked, whatever side a tokenizer pads on.
    """
    ids = [row.ids for row in rows]
    inputs = {
        "input_ids": padded(ids, 0 if pad_id is None else pad_id).to(device),
        "attention_mask": attention_mask(ids).to(device),
    }
    types = [row.types for row in rows if row.types is not None]
    if len(types) == len(rows):
        inputs["token_type_ids"] = padded(types, 0).to(device)
    return inputs


def position_limit(config: Any) -> int:
    """Return the most tokens that the model of a config can read."""
    text = config.get_text_config()
    if counts_distances(text):
        return NO_LIMIT
    return int(getattr(text, "max_position_embeddings", None) or NO_LIMIT)


def counts_distances(config: Any) -> bool:
    """Say whether a model knows only how far tokens are apart (DeBERTa), and so reads any length.

    The number in its config is then that of its training, and of its tokenizer, too.
    """
    relative = getattr(config, "relative_attention", False)
    return bool(relative) and getattr(config, "position_biased_input", True) is False


def token_limit(config: Any, tokenizer: Any, wanted: int | None) -> int:
    """Return how many tokens a row may have: `wanted`, or less if model or tokenizer take less.

    None is as many as they take.
    """
    if counts_distances(config):
        return NO_LIMIT if wanted is None else wanted
    positions = position_limit(config)
    if getattr(config, "model_type", "") in COUNTING_FROM_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    return int(min(NO_LIMIT if wanted is None else wanted, positions, tokenizer.model_max_length))


def usable_padding(pad_id: int | None, network: Any) -> int | None:
    """Return a padding id that has an embedding; None where the given one has none."""
    rows = network.get_input_embeddings().weight.shape[0]
    return pad_id if pad_id is not None and 0 <= pad_id < rows else None

"""Answers of a causal model, written in slices: a row that has ended leaves the batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from mods_plugins.hf.loading import quiet
from mods_plugins.hf.padding import attention_mask, padded

SLICE = 32
"""Tokens between two looks at which rows have ended; a look costs less than a token."""


def continuations(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    new_tokens: int,
    stop: Collection[int],
    pad: int,
    slices: bool = True,
) -> list[list[int]]:
    """Return what the model writes after each prompt: ids up to a token of `stop`, without it.

    It decodes as its `generation_config` says, `new_tokens` at most. Answers of a batch end at
    different times: without `slices` each row is computed until the last has ended, as a beam
    search needs it.
    """
    import torch

    ids = padded(prompts, pad, left=True).to(model.device)
    mask = attention_mask(prompts, left=True).to(model.device)
    rows, first, past = list(range(len(prompts))), ids.shape[1], None
    written: dict[int, list[int]] = {}
    with torch.inference_mode(), quiet():
        while len(written) < len(prompts):
            left = first + new_tokens - ids.shape[1]
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=past,
                max_new_tokens=min(SLICE, left) if slices else left,
                return_dict_in_generate=True,
            )
            ids, past = out.sequences, out.past_key_values
            mask = torch.nn.functional.pad(mask, (0, ids.shape[1] - mask.shape[1]), value=1)
            last = not slices or ids.shape[1] - first >= new_tokens
            for row, tokens in zip(rows, ids[:, first:].tolist(), strict=True):
                end = next((at for at, token in enumerate(tokens) if token in stop), None)
                if last or end is not None:
                    written.setdefault(row, tokens[:end])
            kept = [at for at, row in enumerate(rows) if row not in written]
            if kept and _selects_rows(past):
                past.batch_select_indices(torch.tensor(kept, device=ids.device))
                ids, mask, rows = ids[kept], mask[kept], [rows[at] for at in kept]
    return [written[at] for at in range(len(prompts))]


def _selects_rows(cache: Any) -> bool:
    """Say whether rows can be taken out of a cache: states of some architectures stay as they are.

    Their rows are then computed to the end, and what follows an end is left out.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return isinstance(cache, DynamicCache) and all(
        isinstance(layer, DynamicLayer) for layer in cache.layers
    )

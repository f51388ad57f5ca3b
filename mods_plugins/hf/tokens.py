"""Networks that read whole rows: loading with checks, right-padded batches, length limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mods.errors import ModsError
from mods_plugins.causal_lm import pick_device, pick_dtype, quiet
from mods_plugins.locate import locate

if TYPE_CHECKING:
    import torch

UNLIMITED = 100_000
"""Tokenizers without a limit say 1e30; no row is read beyond this."""


def load_network(
    auto_class: Any, model: str, *, revision: str | None, device: str, dtype: str, spare: str = ""
) -> Any:
    """Load a network in evaluation mode; code that comes with a model is never run.

    A part without trained weights would give random results, so it is an error, unless `spare`
    is in its name. Raises `ModsError` if the model cannot be loaded or is not of this class.
    """
    where = pick_device(device)
    try:
        with quiet():
            network, report = auto_class.from_pretrained(
                locate(model),
                revision=revision,
                dtype=pick_dtype(dtype, where),
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModsError(
            f"cannot load the model {model!r}: {reason} Is the id right, is the folder complete, "
            "is the hub reachable or the model in the local cache?"
        ) from error
    untrained = sorted(key for key in report["missing_keys"] if not spare or spare not in key)
    if untrained:
        raise ModsError(
            f"{model} has no trained weights for {', '.join(untrained[:3])}: "
            f"it is not a model that {auto_class.__name__} can use"
        )
    return network.to(where).eval()


def resolved_dtype(dtype: str, device: str) -> str:
    """Name the number format that `auto` means on this machine: it is part of the result."""
    return str(pick_dtype(dtype, pick_device(device))).removeprefix("torch.")


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized text."""

    ids: list[int]
    types: list[int] | None = None
    """Segment of each token, for models that tell the first text from the second."""


def pad_right(
    rows: Sequence[Row], pad_id: int | None, device: torch.device
) -> dict[str, torch.Tensor]:
    """Make model inputs of shape (len(rows), longest row) with their attention mask.

    Right padding is right for encoders and, with the mask, for decoders that are only read; it
    does not depend on what side a tokenizer pads on.
    """
    import torch

    width = max(len(row.ids) for row in rows)
    filler = 0 if pad_id is None else pad_id
    ids = [row.ids + [filler] * (width - len(row.ids)) for row in rows]
    mask = [[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows]
    inputs = {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }
    if all(row.types is not None for row in rows):
        types = [(row.types or []) + [0] * (width - len(row.ids)) for row in rows]
        inputs["token_type_ids"] = torch.tensor(types, device=device)
    return inputs


def token_limit(config: Any, tokenizer: Any, wanted: int) -> int:
    """Return how many tokens a row may have: `wanted`, or less if model or tokenizer take less."""
    positions = getattr(config, "max_position_embeddings", None) or UNLIMITED
    # RoBERTa and its kin count positions from the padding id on.
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        positions -= (config.pad_token_id or 0) + 1
    return int(min(wanted, positions, tokenizer.model_max_length))

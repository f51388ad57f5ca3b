"""Adapters as the given model: which base they belong to, and merging them into it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mods.errors import ModsError
from mods_plugins.hf.locate import locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

ADAPTER = "adapter_config.json"
"""The file that tells an adapter from a whole model."""


class Base(NamedTuple):
    """The model that an adapter belongs to."""

    model: str
    revision: str | None


def base_of(model: str) -> Base | None:
    """Return the base of an adapter folder; None for a folder or a name of a whole model.

    Raises `ModsError` if the adapter does not say what it belongs to.
    """
    folder = Path(locate(model))
    if not (folder / ADAPTER).is_file():
        return None
    try:
        config: Any = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModsError(f"{model}: {ADAPTER} is not JSON: {error}") from error
    name = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not name:
        raise ModsError(
            f"{model} is an adapter that does not name its base: write it into {ADAPTER} as "
            "base_model_name_or_path, or merge the two yourself"
        )
    beside = folder / name
    return Base(str(beside) if beside.is_dir() else str(name), config.get("revision"))


def merged(network: PreTrainedModel, adapter: str, base: str) -> PreTrainedModel:
    """Merge an adapter into its base; the result is a model like any other."""
    from peft import PeftModel

    whole: PreTrainedModel = PeftModel.from_pretrained(network, locate(adapter)).merge_and_unload()
    logger.warning("%s is an adapter: it was merged into its base %s", adapter, base)
    return whole

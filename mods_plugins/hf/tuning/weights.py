"""Finished weights: a LoRA adapter or a whole model in a folder, written and read again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mods_plugins.hf.adapters import ADAPTER
from mods_plugins.hf.batching import free_device_memory
from mods_plugins.hf.loading import explained, quiet

if TYPE_CHECKING:
    from mods_plugins.hf.causal_lm import CausalLM


def save_weights(lm: CausalLM, folder: Path, base: str) -> None:
    """Write what tuning made of a model, with its tokenizer, in one step.

    An adapter is written as such, and calls the model it belongs to `base`.
    """
    from peft import PeftModel

    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    with quiet():
        if isinstance(lm.model, PeftModel):
            lm.model.peft_config["default"].base_model_name_or_path = base
            lm.model.save_pretrained(draft, save_embedding_layers=False)
            (draft / "README.md").unlink(missing_ok=True)  # a form that nobody filled in
        else:
            lm.model.save_pretrained(draft)
        lm.tokenizer.save_pretrained(draft)
    draft.rename(folder)


def attach_weights(lm: CausalLM, folder: Path) -> None:
    """Give a freshly loaded model what tuning made of it; raises `ModsError` if it cannot be read.

    Tokenizer, template and stop tokens stay those of the given model.
    """
    with explained(str(folder)), quiet():
        if (folder / ADAPTER).is_file():
            _add_adapter(lm, folder)
        else:
            _replace_model(lm, folder)
    lm.model.eval()


def _add_adapter(lm: CausalLM, folder: Path) -> None:
    from peft import PeftModel

    lm.model = PeftModel.from_pretrained(lm.model, str(folder)).to(lm.device)


def _replace_model(lm: CausalLM, folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    dtype, device = lm.model.dtype, lm.device
    lm.model = None  # before the other is loaded: there may be no room for both
    free_device_memory()
    lm.model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device)

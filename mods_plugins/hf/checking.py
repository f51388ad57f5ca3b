"""What can be told of a model before any work: from its config, its files and its template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mods.errors import ModsError
from mods.records import Record
from mods_plugins.hf.adapters import base_of
from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.loading import load_config, load_tokenizer
from mods_plugins.hf.locate import locate

WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")
OTHER_TASKS = ("MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering",
               "MultipleChoice", "PreTraining", "ConditionalGeneration")  # fmt: skip
"""Ends of the names of architectures that are no decoder with an output layer."""
REWARD = ("Classification", "Reward", "Score")
"""In the names of architectures that may have a head that rates."""


def check_files(model: str) -> None:
    """Refuse a folder without weights or without a config; `ModsError` says what is missing."""
    folder = Path(locate(model))
    if not folder.is_dir() or base_of(model) is not None:
        return
    if not any(any(folder.glob(pattern)) for pattern in WEIGHTS):
        raise ModsError(
            f"{model} has no weights (looked for {', '.join(WEIGHTS)}): is the folder complete?"
        )
    if not (folder / "config.json").is_file():
        raise ModsError(f"{model} has no config.json: is the folder complete?")


def check_causal(model: str, revision: str | None = None) -> None:
    """Refuse a model that is no causal language model, as far as its config tells."""
    check_files(model)
    if model.endswith(".gguf"):
        return
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    config = load_config(model, revision=revision)
    names = getattr(config, "architectures", None) or []
    encoder = any(name.endswith(OTHER_TASKS) for name in names)
    causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and not encoder
    if not causal or (is_encoder(config) and not getattr(config, "is_decoder", False)):
        what = ", ".join(names) or type(config).__name__
        raise ModsError(
            f"{model} is not a causal language model ({what}); "
            "give a decoder model, not an encoder or a classifier"
        )


def is_encoder(config: Any) -> bool:
    """Say whether a config is that of a model that could be a decoder, but says that it is none."""
    return hasattr(config, "type_vocab_size") and not getattr(config, "is_decoder", False)


def check_chat(
    model: str, revision: str | None, template: str | None, arguments: Mapping[str, Any]
) -> None:
    """Refuse a chat template that cannot put a plain question and its answer."""
    chat = ChatFormat(load_tokenizer(model, revision=revision), template, arguments)
    try:
        chat.encode([Record.from_instruction("mods-probe", "answer")])
    except ModsError as error:
        raise ModsError(f"{model}: {str(error).removeprefix('row:0: ')}") from error


def check_reward(model: str, revision: str | None = None) -> None:
    """Refuse a model that is no sequence classifier with one output, as far as its config tells."""
    check_files(model)
    config = load_config(model, revision=revision)
    names = getattr(config, "architectures", None) or []
    if names and not any(word in name for name in names for word in REWARD):
        raise ModsError(
            f"{model} has no head that rates ({', '.join(names)}): it is not a reward model"
        )
    if config.num_labels != 1:
        raise ModsError(one_output(model, config.num_labels))


def one_output(model: str, found: int) -> str:
    """Say that a model has another number of outputs than one."""
    return (
        f"{model} has {found} outputs; a reward model has one (num_labels=1). "
        "Is it a classifier of another kind, or a language model without a trained reward head?"
    )

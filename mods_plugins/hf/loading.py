"""Loading configs, tokenizers and models: quietly, with one error that says why it fails."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import ModsError
from mods.progress import alone
from mods.spending import loading
from mods.wording import needs_extra, one_line
from mods_plugins.hf.adapters import base_of, merged
from mods_plugins.hf.devices import pick_device, pick_dtype
from mods_plugins.hf.locate import locate

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

TOKENIZER = "tokenizer_config.json"
SHOWN = 3
"""How many missing weights an error names: enough to tell what kind of part is missing."""


@loading()
def load_config(model: str, *, revision: str | None = None) -> PretrainedConfig:
    """Load the config of a model without its weights; for an adapter, that of its base."""
    from transformers import AutoConfig

    base = base_of(model)
    if base is not None:
        return load_config(base.model, revision=base.revision)
    with explained(model), quiet():
        config: PretrainedConfig = AutoConfig.from_pretrained(
            **_source(model), revision=revision, trust_remote_code=False
        )
    return config


@loading()
def load_tokenizer(model: str, *, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model; no token is added and no id changed.

    An adapter without one has that of its base.
    """
    from transformers import AutoTokenizer

    base = base_of(model)
    if base is not None and not (Path(locate(model)) / TOKENIZER).is_file():
        return load_tokenizer(base.model, revision=base.revision)
    with explained(model), quiet():
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            **_source(model), revision=revision, trust_remote_code=False
        )
    return tokenizer


@loading()
def load_generation_stops(model: str, *, revision: str | None = None) -> list[int]:
    """Return the tokens at which a model's own settings end an answer; none, one or several."""
    from transformers import GenerationConfig

    base = base_of(model)
    if base is not None:
        return load_generation_stops(base.model, revision=base.revision)
    if not model.endswith(".gguf"):
        with suppress(OSError), quiet():  # there is no such file: then the config says
            own = GenerationConfig.from_pretrained(locate(model), revision=revision)
            return end_ids(own)
    return end_ids(load_config(model, revision=revision).get_text_config())


def end_ids(config: Any) -> list[int]:
    """Return the end-of-sequence ids of a config, which has none, one or several."""
    ids = getattr(config, "eos_token_id", None)
    return [] if ids is None else [int(i) for i in ([ids] if isinstance(ids, int) else ids)]


@loading()
def load_causal_model(
    model: str, *, revision: str | None, device: str, dtype: str
) -> PreTrainedModel:
    """Load a causal language model in evaluation mode; code that comes with it is never run.

    An adapter is merged into its base. Raises `ModsError` if it cannot be loaded or has no weights
    for a part of a decoder.
    """
    from transformers import AutoModelForCausalLM

    base = base_of(model)
    if base is not None:
        whole = load_causal_model(base.model, revision=base.revision, device=device, dtype=dtype)
        with explained(model), quiet():
            return merged(whole, model, base.model).eval()
    network, missing = _load(AutoModelForCausalLM, model, revision, device, dtype)
    if missing:
        raise ModsError(
            f"{model} is not a causal language model: it has no weights for "
            f"{', '.join(missing[:SHOWN])}; give a decoder model, not an encoder or a classifier"
        )
    causal: PreTrainedModel = network
    return causal


@loading()
def load_network(
    auto_class: Any, model: str, *, revision: str | None, device: str, dtype: str, spare: str = ""
) -> Any:
    """Load a network in evaluation mode; code that comes with a model is never run.

    A part without trained weights would give random results, so it is an error, unless `spare`
    is in its name. Raises `ModsError` if the model cannot be loaded or is not of this class.
    """
    network, missing = _load(auto_class, model, revision, device, dtype)
    untrained = [key for key in missing if not spare or spare not in key]
    if untrained:
        raise ModsError(
            f"{model} has no trained weights for {', '.join(untrained[:SHOWN])}: "
            f"it is not a model that {auto_class.__name__} can use"
        )
    return network


def _load(
    auto_class: Any, model: str, revision: str | None, device: str, dtype: str
) -> tuple[Any, list[str]]:
    """Return a model on its device and the names of its weights that the files lack."""
    where = pick_device(device)
    kind: torch.dtype = pick_dtype(dtype, where)
    with explained(model), quiet():
        network, report = auto_class.from_pretrained(
            **_source(model),
            **_dequantized(model),
            **_mended(model, revision),
            revision=revision,
            dtype=kind,
            trust_remote_code=False,
            output_loading_info=True,
        )
    return network.to(where).eval(), sorted(report["missing_keys"])


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the hub libraries' own notes and bars off the screen; their errors still come."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(), alone():
            # What one library must change in its use of another.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def explained(model: str) -> Iterator[None]:
    """Turn the libraries' ways of saying that a model cannot be loaded into one `ModsError`."""
    try:
        yield
    except ImportError as error:
        if model.endswith(".gguf"):
            raise ModsError(needs_extra(f"{model}: reading a GGUF file needs", "gguf")) from error
        raise ModsError(f"{model}: a package that this model needs is missing: {error}") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModsError(
            f"cannot load the model {model!r}: {one_line(error)}. Is the id right, is the folder "
            "complete (config.json, weights, tokenizer), is the hub reachable or the model in the "
            "local cache? Models that bring their own code are not run."
        ) from error


def _source(model: str) -> dict[str, Any]:
    """Return the arguments by which transformers finds a model."""
    found = locate(model)
    if not found.endswith(".gguf"):
        return {"pretrained_model_name_or_path": found}
    file = Path(found)
    if not file.is_file():
        raise ModsError(f"{model}: no such file")
    return {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}


def _mended(model: str, revision: str | None) -> dict[str, Any]:
    """Return a config without a padding id that no embedding has; nothing where that is right."""
    if model.endswith(".gguf"):
        return {}
    config = load_config(model, revision=revision)
    text = config.get_text_config()
    pad, words = getattr(text, "pad_token_id", None), getattr(text, "vocab_size", None)
    if pad is None or words is None or 0 <= pad < words:
        return {}
    text.pad_token_id = None
    return {"config": config}


def _dequantized(model: str) -> dict[str, Any]:
    """Ask for plain weights from a GGUF file: packed ones cannot be tuned."""
    import transformers

    if not model.endswith(".gguf") or not hasattr(transformers, "GgufConfig"):
        return {}
    return {"quantization_config": transformers.GgufConfig(dequantize=True)}

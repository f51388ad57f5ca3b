"""A causal language model: loading, identity, response losses, answers."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.batching import run_batched
from mods.errors import ModsError
from mods.records import Record
from mods_plugins.chat import ChatFormat, Encoded
from mods_plugins.locate import PACKAGE, locate

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mods.settings import Generation

IDENTITY_FILES = ("*.safetensors", "*.bin", "*.gguf", "*.json", "*.model", "*.jinja", "*.txt")
"""The files of a model folder that decide what it computes."""

NO_LIMIT = 10**9


class CausalLM:
    """A causal language model with its tokenizer and chat format, ready to score and answer.

    `model` may be replaced by the same model with an adapter around it.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        template: str | None = None,
    ) -> None:
        self.model: Any = model.eval()
        self.tokenizer = tokenizer
        self.chat = ChatFormat(tokenizer, template)
        self.stop_ids = sorted({*self.chat.stop_ids, *_ids_of(model.generation_config)})
        self._only_some_logits = _accepts(model, "logits_to_keep")

    @classmethod
    def load(
        cls,
        path: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        template: str | None = None,
    ) -> CausalLM:
        """Load from a hub id, a folder, a `.gguf` file, or `package:NAME/PATH` (see `locate`).

        `dtype` is `auto` (bfloat16 on a CUDA device that has it, else float32) or a name of
        torch; `device` is `auto` (CUDA, else MPS, else CPU) or a name of torch. Code that comes
        with a model is never run. Raises `ModsError` if the model is missing or unusable.
        """
        where = pick_device(device)
        kind = pick_dtype(dtype, where)
        tokenizer = load_tokenizer(path, revision=revision)
        model = _load_model(path, revision, kind)
        return cls(model.to(where), tokenizer, template)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    @property
    def positions(self) -> int:
        """The most tokens the model can read, prompt and response together."""
        return int(getattr(self.model.config, "max_position_embeddings", None) or NO_LIMIT)

    def encode(self, records: Sequence[Record], max_length: int | None = None) -> list[Encoded]:
        """Turn records into token ids, cut to `max_length` and to what the model can read.

        See `ChatFormat.encode` for what a long row loses.
        """
        return self.chat.encode(records, min(max_length or NO_LIMIT, self.positions))

    def mean_losses(
        self, rows: Sequence[Encoded], *, batch_size: int = 8
    ) -> npt.NDArray[np.float64]:
        """Return the mean loss of the response tokens given the prompt: nats per token, (n,).

        With an empty prompt the first response token has no prediction and does not count; a row
        without any predicted token gets nan.
        """
        losses = run_batched(
            rows, self._batch_losses, batch_size=batch_size, length=lambda row: row.size
        )
        return np.array(losses, dtype=np.float64)

    def generate(
        self, records: Sequence[Record], generation: Generation, *, seed: int = 0
    ) -> list[str]:
        """Answer the context of each record; the text has no special tokens.

        An answer ends at a stop token or after `max_new_tokens`. Prompt and answer together
        cannot be longer than the model can read; where they would be, the prompt gets at least
        half of that and the answer the rest. `seed` matters only with a temperature.
        """
        import torch

        if generation.temperature > 0:
            torch.manual_seed(seed)
        new = min(generation.max_new_tokens, max(1, self.positions // 2))
        limit = min(generation.max_prompt_tokens, self.positions - new)
        prompts = self.chat.prompts(records, limit)
        with self._decoding(generation.temperature, new):
            return run_batched(
                prompts, self._batch_answers, batch_size=generation.batch_size, length=len
            )

    def _batch_losses(self, rows: Sequence[Encoded]) -> list[float]:
        import torch

        width = max(row.size for row in rows)
        ids = torch.tensor(
            [_padded([*row.prompt, *row.response], width, self.chat.pad_id) for row in rows]
        )
        mask = torch.tensor([[1] * row.size + [0] * (width - row.size) for row in rows])
        first = max(0, min(len(row.prompt) for row in rows) - 1)
        with torch.inference_mode():
            logits = self._logits(ids.to(self.device), mask.to(self.device), first)
            # Row by row: only one row's logits are ever copied to float32.
            return [
                _mean_loss(scores, row, first) for scores, row in zip(logits, rows, strict=True)
            ]

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor, first: int) -> torch.Tensor:
        """Return the logits from position `first` on, shape (rows, width - first, vocabulary)."""
        import torch

        keep: dict[str, Any] = {}
        if self._only_some_logits:
            keep["logits_to_keep"] = torch.arange(first, ids.shape[1], device=ids.device)
        logits: torch.Tensor = self.model(
            input_ids=ids, attention_mask=mask, use_cache=False, **keep
        ).logits
        return logits if keep else logits[:, first:]

    @contextmanager
    def _decoding(self, temperature: float, new_tokens: int) -> Iterator[None]:
        """Set how the model decodes: the settings of the run only, nothing from its own file."""
        from transformers import GenerationConfig

        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        before = self.model.generation_config
        self.model.generation_config = GenerationConfig(
            max_new_tokens=new_tokens,
            eos_token_id=self.stop_ids,
            pad_token_id=self.chat.pad_id,
            bos_token_id=self.tokenizer.bos_token_id,
            **(sampling if temperature > 0 else {"do_sample": False}),
        )
        try:
            yield
        finally:
            self.model.generation_config = before

    def _batch_answers(self, prompts: Sequence[list[int]]) -> list[str]:
        import torch

        width = max(len(prompt) for prompt in prompts)
        pads = [width - len(prompt) for prompt in prompts]
        ids = [[self.chat.pad_id] * n + prompt for n, prompt in zip(pads, prompts, strict=True)]
        mask = [[0] * n + [1] * (width - n) for n in pads]
        with torch.inference_mode(), quiet():
            out = self.model.generate(
                input_ids=torch.tensor(ids, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
            )
        return [self._text(row) for row in out[:, width:].tolist()]

    def _text(self, ids: list[int]) -> str:
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))
        text = self.tokenizer.decode(
            ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text


def load_tokenizer(path: str, *, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model; no token is added and no id changed."""
    from transformers import AutoTokenizer

    with _explained(path), quiet():
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            **_source(path), revision=revision, trust_remote_code=False
        )
    return tokenizer


def _load_model(path: str, revision: str | None, dtype: torch.dtype) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM

    with _explained(path), quiet():
        model, report = AutoModelForCausalLM.from_pretrained(
            **_source(path),
            **_dequantized(path),
            revision=revision,
            dtype=dtype,
            trust_remote_code=False,
            output_loading_info=True,
        )
    if report["missing_keys"]:
        some = ", ".join(sorted(report["missing_keys"])[:3])
        raise ModsError(
            f"{path} is not a causal language model: it has no weights for {some}; "
            "give a decoder model, not an encoder or a classifier"
        )
    loaded: PreTrainedModel = model
    return loaded


def model_identity(path: str, revision: str | None = None) -> dict[str, Any]:
    """Say which weights a name stands for, the same on every machine.

    A hub id gives its commit; a folder, a file or a packaged model the SHA-256 over its weight,
    config and tokenizer files. No path of the machine is in it.
    """
    found = Path(locate(path))
    if not found.exists():
        return {"model": path, "revision": _commit(path, revision)}
    name = path if path.startswith(PACKAGE) else found.resolve().name
    return {"model": name, "sha256": folder_digest(found)}


def folder_digest(path: Path) -> str:
    """Return the SHA-256 over a model file, or over the model files of a folder and their paths.

    Folders in the folder count, since sentence-transformers keeps layers there; hidden ones do not.
    """
    if path.is_file():
        return _file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)
    files = _model_files(path)
    if not files:
        raise ModsError(f"{path} has no model files (looked for {', '.join(IDENTITY_FILES)})")
    lines = [f"{name} {folder_digest(files[name])}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _model_files(folder: Path) -> dict[str, Path]:
    """Return the model files of a folder by their path in it, the same on every system."""
    found = {file for pattern in IDENTITY_FILES for file in folder.rglob(pattern)}
    names = {file.relative_to(folder).as_posix(): file for file in found if file.is_file()}
    return {name: file for name, file in names.items() if "/." not in f"/{name}"}


@lru_cache(maxsize=256)
def _file_digest(path: Path, size: int, changed: int) -> str:
    """Hash a file piece by piece; `size` and `changed` make a changed file a new entry."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _commit(path: str, revision: str | None) -> str:
    """Return the commit hash of a hub model, online or from the local cache."""
    if revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    from transformers.utils.hub import cached_file, extract_commit_hash

    with _explained(path), quiet():
        file = cached_file(path, "config.json", revision=revision)
        commit = extract_commit_hash(file, None)
    if commit is None:
        raise ModsError(f"{path}: cannot tell which revision this is; set revision=COMMIT")
    return str(commit)


def pick_device(device: str) -> torch.device:
    """Turn `auto` into CUDA, else MPS, else CPU; another name into that device."""
    import torch

    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Turn `auto` into bfloat16 on a CUDA device that has it, else float32."""
    import torch

    if dtype == "auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype):
        raise ModsError(f"dtype {dtype!r} is unknown; use auto, float32, bfloat16 or float16")
    return kind


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the hub libraries' own notes and bars off the screen; their errors still come."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # What one library must change in its use of another.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn the library's ways of saying that a model cannot be loaded into one error."""
    try:
        yield
    except ImportError as error:
        if path.endswith(".gguf"):
            raise ModsError(
                f'{path}: reading a GGUF file needs one more package: pip install "mods[gguf]"'
            ) from error
        raise ModsError(f"{path}: a package that this model needs is missing: {error}") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModsError(
            f"cannot load the model {path!r}: {_first_line(error)}. Is the id right, is the folder "
            "complete (config.json, weights, tokenizer), is the hub reachable or the model in the "
            "local cache? Models that bring their own code are not run."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _source(path: str) -> dict[str, Any]:
    """Return the arguments by which transformers finds a model."""
    found = locate(path)
    if not found.endswith(".gguf"):
        return {"pretrained_model_name_or_path": found}
    file = Path(found)
    if not file.is_file():
        raise ModsError(f"{path}: no such file")
    return {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}


def _dequantized(path: str) -> dict[str, Any]:
    """Ask for plain weights from a GGUF file: packed ones cannot be tuned."""
    import transformers

    if not path.endswith(".gguf") or not hasattr(transformers, "GgufConfig"):
        return {}
    return {"quantization_config": transformers.GgufConfig(dequantize=True)}


def _accepts(model: PreTrainedModel, argument: str) -> bool:
    import inspect

    return argument in inspect.signature(model.forward).parameters


def _ids_of(config: Any) -> list[int]:
    """Return the end-of-sequence ids of a generation config, which has none, one or several."""
    ids = getattr(config, "eos_token_id", None)
    return [] if ids is None else [int(i) for i in np.atleast_1d(ids)]


def _padded(ids: list[int], width: int, pad: int) -> list[int]:
    return ids + [pad] * (width - len(ids))


def _mean_loss(logits: torch.Tensor, row: Encoded, first: int) -> float:
    """Return the mean loss of one row's response; `logits` start at position `first`."""
    import torch

    start = max(len(row.prompt), 1)
    ids = [*row.prompt, *row.response][start:]
    targets = torch.tensor(ids, dtype=torch.long, device=logits.device)
    scores = logits[start - 1 - first : row.size - 1 - first]
    return float(torch.nn.functional.cross_entropy(scores.float(), targets))

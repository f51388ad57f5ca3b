"""A causal language model: losses of responses, answers to conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mods.interfaces import Unscorable
from mods.records import Conversation, Record
from mods.spending import spent
from mods_plugins.hf.batching import run_batched
from mods_plugins.hf.chat.format import ChatFormat, Encoded, Prompt, usable
from mods_plugins.hf.loading import end_ids, load_causal_model, load_tokenizer, quiet
from mods_plugins.hf.padding import attention_mask, padded
from mods_plugins.hf.tokens import NO_LIMIT, position_limit, usable_padding
from mods_plugins.thoughts import well_formed

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mods.settings.options import Generation


class Answer(NamedTuple):
    """What a model answered."""

    text: str
    cut: bool
    """Whether the conversation was longer than the model was shown."""


class CausalLM:
    """A causal language model with its tokenizer and chat format, ready to score and answer.

    `model` may be replaced by the same model with an adapter around it, or with other weights.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        template: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.model: Any = model.eval()
        self.tokenizer = tokenizer
        self.chat = ChatFormat(tokenizer, template, arguments)
        self.stop_ids = sorted({*self.chat.stop_ids, *end_ids(model.generation_config)})
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
        arguments: Mapping[str, Any] | None = None,
    ) -> CausalLM:
        """Load from a hub id, a folder, a `.gguf` file, or `package:NAME/PATH` (see `locate`).

        `dtype` is `auto` (bfloat16 on a CUDA device that has it, else float32) or a name of
        torch; `device` is `auto` (CUDA, else MPS, else CPU) or a name of torch. Code that comes
        with a model is never run. Raises `ModsError` if the model is missing or unusable.
        """
        tokenizer = load_tokenizer(path, revision=revision)
        model = load_causal_model(path, revision=revision, device=device, dtype=dtype)
        return cls(model, tokenizer, template, arguments)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    @property
    def positions(self) -> int:
        """The most tokens the model can read, prompt and response together."""
        return position_limit(self.model.config)

    @property
    def pad_id(self) -> int:
        """A token to fill up with, which the model has an embedding for; always masked."""
        usable = usable_padding(self.chat.pad_id, self.model)
        return 0 if usable is None else usable

    def encode(
        self, records: Sequence[Record], max_length: int | None = None, *, all_turns: bool = False
    ) -> list[Encoded]:
        """Turn records into token ids, cut to `max_length` and to what the model can read.

        See `ChatFormat.encode` for what a long row loses.
        """
        limit = min(max_length or NO_LIMIT, self.positions)
        return self.chat.encode(records, limit, all_turns=all_turns)

    def encode_each(
        self, records: Sequence[Record], max_length: int | None = None
    ) -> list[Encoded | Unscorable]:
        """As `encode`, with a reason in place of a row that the template cannot take."""
        return self.chat.encode_each(records, min(max_length or NO_LIMIT, self.positions))

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
        self, conversations: Sequence[Conversation], generation: Generation, *, seed: int = 0
    ) -> list[Answer | Unscorable]:
        """Answer each conversation; the text has no special tokens.

        Thoughts stand in one block before the answer, whoever opened it. An answer ends at a stop
        token or after `max_new_tokens`. Prompt and answer together
        cannot be longer than the model can read; where they would be, the prompt gets at least
        half of that and the answer the rest. `seed` matters only with a temperature.
        """
        import torch

        if generation.temperature > 0:
            torch.manual_seed(seed)
        new = min(generation.max_new_tokens, max(1, self.positions // 2))
        limit = min(generation.max_prompt_tokens, self.positions - new)
        asked = self.chat.prompts_each(conversations, limit)
        places, prompts = usable(asked)
        ids = [prompt.ids for prompt in prompts]
        with self._decoding(generation, new):
            texts = run_batched(
                ids, self._batch_answers, batch_size=generation.batch_size, length=len
            )
        answers = dict(zip(places, zip(prompts, texts, strict=True), strict=True))
        return [
            row if isinstance(row, Unscorable) else _answer(*answers[at])
            for at, row in enumerate(asked)
        ]

    def _batch_losses(self, rows: Sequence[Encoded]) -> list[float]:
        import torch

        whole = [[*row.prompt, *row.response] for row in rows]
        ids, mask = padded(whole, self.pad_id), attention_mask(whole)
        first = max(0, min(len(row.prompt) for row in rows) - 1)
        with torch.inference_mode():
            logits = self._logits(ids.to(self.device), mask.to(self.device), first)
            # Row by row: only one row's logits are ever copied to float32.
            losses = [
                _mean_loss(scores, row, first) for scores, row in zip(logits, rows, strict=True)
            ]
        spent(sum(map(len, whole)), str(self.device))
        return losses

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
    def _decoding(self, generation: Generation, new_tokens: int) -> Iterator[None]:
        """Set how the model decodes: the settings of the run only, nothing from its own file."""
        from transformers import GenerationConfig

        temperature = generation.temperature
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        beams = {"num_beams": generation.beams} if generation.beams > 1 else {}
        before = self.model.generation_config
        self.model.generation_config = GenerationConfig(
            max_new_tokens=new_tokens,
            eos_token_id=self.stop_ids,
            pad_token_id=self.pad_id,
            bos_token_id=self.tokenizer.bos_token_id,
            **(sampling if temperature > 0 else {"do_sample": False}),
            **beams,
        )
        try:
            yield
        finally:
            self.model.generation_config = before

    def _batch_answers(self, prompts: Sequence[list[int]]) -> list[str]:
        import torch

        ids = padded(prompts, self.pad_id, left=True).to(self.device)
        mask = attention_mask(prompts, left=True).to(self.device)
        with torch.inference_mode(), quiet():
            out = self.model.generate(input_ids=ids, attention_mask=mask)
        answers = out[:, ids.shape[1] :].tolist()
        read, written = sum(map(len, prompts)), sum(map(self._end, answers))
        spent(read + written, str(self.device))
        return [self._text(row) for row in answers]

    def _end(self, ids: list[int]) -> int:
        """Return where in an answer the first token stands that ends it."""
        return next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))

    def _text(self, ids: list[int]) -> str:
        end = self._end(ids)
        text = self.tokenizer.decode(
            ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text


def _answer(prompt: Prompt, text: str) -> Answer:
    return Answer(well_formed(text, opened=prompt.opened), prompt.cut)


def _accepts(model: PreTrainedModel, argument: str) -> bool:
    import inspect

    return argument in inspect.signature(model.forward).parameters


def _mean_loss(logits: torch.Tensor, row: Encoded, first: int) -> float:
    """Return the mean loss of one row's response; `logits` start at position `first`."""
    import torch

    start = max(len(row.prompt), 1)
    ids = [*row.prompt, *row.response][start:]
    targets = torch.tensor(ids, dtype=torch.long, device=logits.device)
    scores = logits[start - 1 - first : row.size - 1 - first]
    return float(torch.nn.functional.cross_entropy(scores.float(), targets))

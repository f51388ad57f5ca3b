"""A causal language model: losses of responses, answers to conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mods.interfaces import Unscorable
from mods.records import Conversation, Record
from mods.spending import spent
from mods_plugins.hf.batching import TokenBatches
from mods_plugins.hf.chat.format import ChatFormat, Encoded, Prompt, usable
from mods_plugins.hf.decoding import continuations
from mods_plugins.hf.heads import only_at
from mods_plugins.hf.loading import end_ids, load_causal_model, load_tokenizer
from mods_plugins.hf.padding import attention_mask, padded
from mods_plugins.hf.tokens import NO_LIMIT, position_limit, usable_padding
from mods_plugins.thoughts import well_formed

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mods.settings.options import Generation

PROMPT_PADDING = 0.5
"""The most of a batch of prompts that may be padding: each token that is written reads it again,
but a row more costs an answer little."""


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
        batch_tokens: int | None = None,
    ) -> None:
        self.model: Any = model.eval()
        self.tokenizer = tokenizer
        self.chat = ChatFormat(tokenizer, template, arguments)
        self.stop_ids = sorted({*self.chat.stop_ids, *end_ids(model.generation_config)})
        self._read = TokenBatches(batch_tokens, model.device)
        self._answered = TokenBatches(NO_LIMIT, model.device, padding=PROMPT_PADDING, small=0)

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
        batch_tokens: int | None = None,
    ) -> CausalLM:
        """Load from a hub id, a folder, a `.gguf` file, or `package:NAME/PATH` (see `locate`).

        `dtype` is `auto` (bfloat16 on a device that computes in it, else float32) or a name of
        torch; `device` is `auto` (CUDA, else MPS, else CPU) or a name of torch. `batch_tokens` are
        the most that go through the model at once to be read; see `TokenBatches`. Code that comes
        with a model is never run. Raises `ModsError` if the model is missing or unusable.
        """
        tokenizer = load_tokenizer(path, revision=revision)
        model = load_causal_model(path, revision=revision, device=device, dtype=dtype)
        return cls(model, tokenizer, template, arguments, batch_tokens)

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

    def mean_losses(self, rows: Sequence[Encoded]) -> npt.NDArray[np.float64]:
        """Return the mean loss of the response tokens given the prompt: nats per token, (n,).

        With an empty prompt the first response token has no prediction and does not count; a row
        without any predicted token gets nan.
        """
        losses = self._read.run(rows, self._batch_losses, length=lambda row: row.size)
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
            texts = self._answered.run(
                ids, self._batch_answers, length=len, most=generation.batch_size
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
        starts = [max(len(row.prompt), 1) for row in rows]
        at = torch.arange(ids.shape[1])
        ends = torch.tensor([row.size for row in rows])
        # The logits of a place are those of the token after it.
        predicting = (at >= torch.tensor(starts)[:, None] - 1) & (at < ends[:, None] - 1)
        with torch.inference_mode(), only_at(self.model, predicting) as only:
            logits = self.model(
                input_ids=ids.to(self.device), attention_mask=mask.to(self.device), use_cache=False
            ).logits
            logits = logits[0] if only else logits[predicting.to(logits.device)]
            # Row by row: only one row's logits are ever copied to float32.
            scores = logits.split(predicting.sum(1).tolist())
            losses = [
                _mean_loss(some, row[start:])
                for some, row, start in zip(scores, whole, starts, strict=True)
            ]
        spent(sum(map(len, whole)), str(self.device))
        return losses

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
        config = self.model.generation_config
        answers = continuations(
            self.model,
            prompts,
            new_tokens=config.max_new_tokens,
            stop=self.stop_ids,
            pad=self.pad_id,
            slices=(config.num_beams or 1) == 1,
        )
        spent(sum(map(len, prompts)) + sum(map(len, answers)), str(self.device))
        return [self._text(ids) for ids in answers]

    def _text(self, ids: list[int]) -> str:
        text = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text


def _answer(prompt: Prompt, text: str) -> Answer:
    return Answer(well_formed(text, opened=prompt.opened), prompt.cut)


def _mean_loss(logits: torch.Tensor, tokens: list[int]) -> float:
    """Return the mean loss of tokens; `logits` are those that predict them, one row a token."""
    import torch

    targets = torch.tensor(tokens, dtype=torch.long, device=logits.device)
    return float(torch.nn.functional.cross_entropy(logits.float(), targets))

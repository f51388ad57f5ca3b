"""Instruction-following difficulty, as two papers compute it: `ifd` and `superfiltering`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import Record, SettingsError, Unscorable, cut, hookimpl
from mods_plugins.hf.batching import computed_ahead
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat.format import Encoded, usable
from mods_plugins.hf.chat.templates import template_arguments, template_identity
from mods_plugins.hf.checking import check_causal, check_chat
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.identity import model_identity

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register

    Losses = npt.NDArray[np.float64]


SHORTEST = 4
"""Least `max_length`: two tokens for a prompt cut to half, and one predicted by another."""


class IFD:
    """How little a prompt helps a model to expect the response, by Cherry LLM's script.

    Li et al., "From Quantity to Quality" (2023): the mean token loss of the response after its
    prompt, divided by its mean token loss after nothing but the header of the answer (`###
    Response:` in the Alpaca form, the assistant's header in a chat template), so that both means
    are over the same tokens. Near 0: the prompt gives the answer away. Near 1: it hardly helps.
    Above 1 (mismatched rows, noise, or a template the model does not know): it misleads; the
    authors drop such rows, here they keep their number and a threshold may drop them. For the form
    of their later paper see `Superfiltering`.

    It is a difficulty, not a quality: a wrong answer to a clear question is difficult too. It
    depends on the template, which is part of `identity()`; `template="alpaca"` is the authors'.

    `model` is a hub id, a folder, a GGUF file or `package:NAME/PATH`; `template` a Jinja chat
    template, a file that holds one, or `alpaca`; by default the model's own; `template_kwargs`
    are further variables for it. Thoughts of a response are part of it. A row longer than
    `max_length` tokens keeps its prompt and loses the end of the response, in both terms; a prompt
    that long loses its oldest turns. The end-of-turn token does not count.
    `batch_tokens` are the most that go through the model at once (see `TokenBatches`).
    """

    chunk_size = 128
    """Half the usual: a row takes two forward passes."""
    reads = ("tools", "reasoning")
    method = "ifd"
    usual_template: str | None = None

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        template: str | None = None,
        template_kwargs: Mapping[str, Any] | str | None = None,
        max_length: int = 1024,
        batch_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if max_length < SHORTEST:
            raise SettingsError(f"`max_length` must be at least {SHORTEST}, not {max_length}")
        self.model = model
        self.revision = revision
        self.template = template or self.usual_template
        self.arguments = template_arguments(template_kwargs)
        self.max_length = max_length
        self.batch_tokens = batch_tokens
        self.device = device
        self.dtype = dtype

    def identity(self) -> dict[str, Any]:
        """Return what decides the scores: the model, the text of the template, the limit."""
        return {
            "method": self.method,
            **model_identity(self.model, self.revision),
            "template": template_identity(self.template),
            "template_kwargs": self.arguments,
            "max_length": self.max_length,
            "dtype": resolved_dtype(self.dtype, self.device),
        }

    def check(self) -> None:
        """Refuse what is no causal language model, and a template that fails, without loading."""
        check_causal(self.model, self.revision)
        check_chat(self.model, self.revision, self.template, self.arguments)

    def score(self, records: Sequence[Record]) -> list[float | Unscorable]:
        """Return the IFD of each record, above 0; `Unscorable` without a token to predict."""
        lm = self._lm  # loaded here, not by the thread that makes rows ready

        def compute(
            places: list[int], encoded: list[Encoded | Unscorable]
        ) -> list[float | Unscorable]:
            cut(places[at] for at, row in enumerate(encoded) if _is_cut(row))
            return self._scores([records[at] for at in places], encoded)

        return computed_ahead(
            lambda some: lm.encode_each(some, self.max_length),
            compute,
            records,
            lambda record: record.size,
        )

    def _scores(
        self, records: Sequence[Record], encoded: Sequence[Encoded | Unscorable]
    ) -> list[float | Unscorable]:
        bare = {at: self._response_only(row) for at, row in zip(*usable(encoded), strict=True)}
        left = [at for at, row in bare.items() if self._predicts(records[at], row)]
        given = self._losses([bare[at] for at in left])
        alone = self._losses([bare[at]._replace(prompt=self._before_alone) for at in left])
        ratios = dict(zip(left, self._ratios(given, alone).tolist(), strict=True))
        return [
            row if isinstance(row, Unscorable) else _score(ratios.get(at))
            for at, row in enumerate(encoded)
        ]

    def _ratios(self, given: Losses, alone: Losses) -> Losses:
        """Put the two mean losses of each row together."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return given / alone

    @property
    def _before_alone(self) -> list[int]:
        """What stands before the response where it is read alone: the header of an answer."""
        return self._start + self._header

    def _losses(self, rows: Sequence[Encoded]) -> Losses:
        return self._lm.mean_losses(rows)

    def _predicts(self, record: Record, row: Encoded) -> bool:
        """Say whether the response alone has a predicted token: the first of a text has none."""
        return bool(record.response.strip()) and len(self._before_alone) + len(row.response) > 1

    def _response_only(self, row: Encoded) -> Encoded:
        """Take the end-of-turn tokens off the response."""
        size = len(self._end)
        whole = size > 0 and row.response[-size:] == self._end
        return row._replace(response=row.response[:-size]) if whole else row

    @cached_property
    def _end(self) -> list[int]:
        return self._tokens(self._lm.chat.end)

    @cached_property
    def _header(self) -> list[int]:
        return self._tokens(self._lm.chat.renderer.header)

    def _tokens(self, text: str) -> list[int]:
        encoded = self._lm.tokenizer(text, add_special_tokens=False) if text else {"input_ids": []}
        return [int(token) for token in encoded["input_ids"]]

    @cached_property
    def _start(self) -> list[int]:
        """What the tokenizer starts any text with: a token of its own, or nothing."""
        first = int(self._lm.tokenizer("a")["input_ids"][0])
        return [first] if first == self._lm.tokenizer.bos_token_id else []

    @cached_property
    def _lm(self) -> CausalLM:
        return CausalLM.load(
            self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            template=self.template,
            arguments=self.arguments,
            batch_tokens=self.batch_tokens,
        )


class Superfiltering(IFD):
    """How little a prompt helps a model to expect the response, by Superfiltering's script.

    Li et al., "Superfiltering" (2024): the perplexity of the response after its prompt, divided by
    that of the response alone, without any header. The first token of the response counts in one of
    the two only, unless the tokenizer starts texts with a token of its own, and the exponential
    widens what differs: most of the score is the length of the response. Offered for comparison
    with published selections; prefer `ifd`.

    The default `template` is the authors': instruction and input on a line each, nothing else.
    All else is as in `ifd`.
    """

    method = "superfiltering"
    usual_template = "superfiltering"

    @property
    def _before_alone(self) -> list[int]:
        return self._start

    def _ratios(self, given: Losses, alone: Losses) -> Losses:
        with np.errstate(over="ignore"):
            ratios: Losses = np.exp(given - alone)
        return ratios


def _is_cut(row: Encoded | Unscorable) -> bool:
    return isinstance(row, Encoded) and row.cut


def _score(ratio: float | None) -> float | Unscorable:
    if ratio is None:
        return Unscorable("the response has no token to predict")
    return ratio if math.isfinite(ratio) else Unscorable(f"the ratio of its losses is {ratio}")


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `ifd` and `superfiltering`."""
    register("ifd", IFD)
    register("superfiltering", Superfiltering)

"""Instruction-following difficulty: how little a prompt helps a model to expect the response."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import Record, SettingsError, Unscorable, hookimpl
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat import Encoded
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.templates import template_identity

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register


SHORTEST = 4
"""Least `max_length`: two tokens for a prompt cut to half, and one predicted by another."""


class IFD:
    """IFD = perplexity(response | prompt) / perplexity(response), of any causal language model.

    Li et al., "From Quantity to Quality" (2023; Cherry LLM), in the form with perplexities of
    Li et al., "Superfiltering" (2024, section 2): the exponential of the mean token loss (nats) of
    the response after its prompt, less that of the response alone. Near 0: the prompt gives the
    answer away. Near 1: it hardly helps. Above 1 (mismatched rows, noise, or a template the model
    does not know): it misleads; the authors drop such rows, here they keep their number and a
    threshold may drop them.

    It is a difficulty, not a quality: a wrong answer to a clear question is difficult too. It
    depends on the template, which is part of `identity()`.

    `model` is a hub id, a folder, a GGUF file or `package:NAME/PATH`; `template` a Jinja chat
    template, a file that holds one, or `alpaca`; by default the model's own. A row longer than
    `max_length` tokens keeps its prompt and loses the end of the response, in both terms; a prompt
    that long loses its oldest turns. The end-of-turn token does not count.
    """

    chunk_size = 128
    """Half the usual: a row takes two forward passes."""

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        template: str | None = None,
        max_length: int = 1024,
        batch_size: int = 8,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if max_length < SHORTEST:
            raise SettingsError(f"`max_length` must be at least {SHORTEST}, not {max_length}")
        self.model = model
        self.revision = revision
        self.template = template
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype

    def identity(self) -> dict[str, Any]:
        """Return what decides the scores: the model, the text of the template, the limit."""
        return {
            "method": "ifd",
            **model_identity(self.model, self.revision),
            "template": template_identity(self.template),
            "max_length": self.max_length,
            "dtype": resolved_dtype(self.dtype, self.device),
        }

    def score(self, records: Sequence[Record]) -> list[float | Unscorable]:
        """Return the IFD of each record, above 0; `Unscorable` without a token to predict."""
        rows = [self._response_only(row) for row in self._lm.encode(records, self.max_length)]
        usable = [i for i, row in enumerate(rows) if self._predicts(records[i], row)]
        given = self._losses([rows[i] for i in usable])
        alone = self._losses([rows[i]._replace(prompt=self._start) for i in usable])
        scores: list[float | Unscorable] = [
            Unscorable("the response has no token to predict") for _ in rows
        ]
        for i, ratio in zip(usable, np.exp(given - alone).tolist(), strict=True):
            finite = np.isfinite(ratio)
            scores[i] = ratio if finite else Unscorable(f"the perplexities' ratio is {ratio}")
        return scores

    def _losses(self, rows: Sequence[Encoded]) -> npt.NDArray[np.float64]:
        return self._lm.mean_losses(rows, batch_size=self.batch_size)

    def _predicts(self, record: Record, row: Encoded) -> bool:
        """Say whether the response alone has a predicted token: the first of a text has none."""
        return bool(record.response.strip()) and len(self._start) + len(row.response) > 1

    def _response_only(self, row: Encoded) -> Encoded:
        """Take the end-of-turn tokens off the response."""
        size = len(self._end)
        whole = size > 0 and row.response[-size:] == self._end
        return row._replace(response=row.response[:-size]) if whole else row

    @cached_property
    def _end(self) -> list[int]:
        encoded = self._lm.tokenizer(self._lm.chat.end, add_special_tokens=False)
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
        )


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `ifd`."""
    register("ifd", IFD)

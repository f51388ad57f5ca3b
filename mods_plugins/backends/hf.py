"""The back end `hf`: any causal language model that transformers loads, tuned by peft."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods import Conversation, Record, Unscorable, Weights, cut, hookimpl
from mods_plugins.devices import parse_devices
from mods_plugins.hf.batching import computed_ahead, free_device_memory
from mods_plugins.hf.causal_lm import Answer, CausalLM
from mods_plugins.hf.chat.format import ChatFormat, Encoded
from mods_plugins.hf.chat.templates import template_arguments, template_identity
from mods_plugins.hf.chat.turns import learned_tokens
from mods_plugins.hf.checking import check_causal, check_chat
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import load_config, load_tokenizer
from mods_plugins.hf.tokens import position_limit

if TYPE_CHECKING:
    from mods.interfaces import Finding, Register
    from mods.settings.options import Generation, Tuning


@dataclass(frozen=True)
class GivenModel:
    """The given model: its name, how it is loaded, how it is asked."""

    name: str
    """A hub id, a folder, a `.gguf` file or `package:NAME/PATH`."""
    revision: str | None
    dtype: str
    """`auto` or a name of torch; see `CausalLM.load`."""
    device: str
    template: str | None
    """Jinja text, a file that holds it, or `alpaca`; None is the model's own chat template, or the
    Alpaca form if it has none."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the template."""

    @classmethod
    def asked_as(
        cls,
        tuning: Tuning,
        model: str,
        revision: str | None,
        dtype: str,
        device: str,
        template: str | None,
        template_kwargs: Mapping[str, Any] | str | None,
    ) -> GivenModel:
        """Make one whose template is that of the tuning, with its variables and further ones."""
        arguments = {**tuning.template_kwargs, **template_arguments(template_kwargs)}
        return cls(model, revision, dtype, device, tuning.template or template, arguments)

    def identity(self) -> dict[str, Any]:
        """Return which weights these are, how they are asked and how they compute."""
        return {
            **model_identity(self.name, self.revision),
            "template": template_identity(self.template),
            **({"template_kwargs": dict(self.arguments)} if self.arguments else {}),
            "dtype": resolved_dtype(self.dtype, self.device),
        }

    def check(self) -> None:
        """Refuse what is no causal language model, and a template that fails, without loading."""
        check_causal(self.name, self.revision)
        check_chat(self.name, self.revision, self.template, self.arguments)

    def load(self) -> CausalLM:
        """Load it as it is, without tuning."""
        return CausalLM.load(
            self.name,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            template=self.template,
            arguments=self.arguments,
        )

    def load_chat(self) -> ChatFormat:
        """Load its tokenizer with the template, not its weights."""
        tokenizer = load_tokenizer(self.name, revision=self.revision)
        return ChatFormat(tokenizer, self.template, self.arguments)

    def positions(self) -> int:
        """Return the most tokens it can read, by its config."""
        return position_limit(load_config(self.name, revision=self.revision))


class HFTrainer:
    """Tunes the given model: a LoRA adapter, or all its weights.

    `model` is a hub id, a folder, a `.gguf` file or `package:NAME/PATH`. `template` is Jinja text,
    a file that holds it, or `alpaca`; by default the model's own chat template, or the Alpaca form
    if it has none. `tuning.template` goes before it. `template_kwargs` are further variables of the
    template (a table, or JSON text), over those of `tuning.template_kwargs`. For `dtype` and
    `device` see `CausalLM.load`;
    full tuning holds its weights in float32 in any case, because small steps are lost in bfloat16,
    and computes in `dtype`. With `devices` (`cuda:0+cuda:1`, or `cpu:N` for N processes) each takes
    its share of every step, and the global batch stays what it is.
    """

    reads = ("tools", "reasoning")

    def __init__(
        self,
        model: str,
        *,
        tuning: Tuning,
        seed: int = 0,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        devices: str = "",
        template: str | None = None,
        template_kwargs: Mapping[str, Any] | str | None = None,
    ) -> None:
        self.given = GivenModel.asked_as(
            tuning, model, revision, dtype, device, template, template_kwargs
        )
        self.devices = parse_devices(devices, "hf:devices") if devices else ()
        self.tuning = tuning
        self.seed = seed

    def identity(self) -> dict[str, Any]:
        """Return what decides the weights besides the rows: model, template, settings, seed."""
        settings = asdict(self.tuning)
        for name in ("micro_batch", "gradient_checkpointing"):
            del settings[name]  # a matter of memory, not of results
        del settings["template"]  # of the model's identity: by its text, not by its file
        del settings["template_kwargs"]
        if self.tuning.steps is None:
            del settings["steps"]  # older weights, which knew none, stay what they are
        else:
            del settings["batch_size"]  # the steps say how the rows are shared out
        return {**self.given.identity(), **settings, "seed": self.seed}

    def check(self) -> None:
        """Look for what would stop the tuning; see `GivenModel.check`."""
        self.given.check()

    def examine(self) -> list[Finding]:
        """Say how the chat template renders what rows may hold; for `mods doctor`."""
        from mods_plugins.hf.examination import examine

        return examine(self._chat)

    def train(self, records: Sequence[Record], folder: Path) -> Path:
        """Tune on the reply of each record; return the folder of the adapter or the whole model.

        See `mods_plugins.hf.tuning.tune` for what lies in `folder` and what is raised. The model
        is let go of afterwards, so that a generator finds room.
        """
        from mods_plugins.hf.tuning.tune import tune

        identity = self.identity()
        return tune(
            self.given.load,
            records,
            folder,
            tuning=self.tuning,
            seed=self.seed,
            name=identity["model"],
            identity=identity,
            devices=self.devices,
        )

    def count_tokens(self, records: Sequence[Record]) -> list[int]:
        """Return how many tokens tuning learns from each record: its reply, cut as in tuning.

        The token that ends the turn is one of them; the first token of a text is not. A record
        that the template cannot take counts 0. Loads the tokenizer and the config, no weights.
        """
        rows = self._encoded(records)
        return [0 if isinstance(row, Unscorable) else learned_tokens(row) for row in rows]

    def count_all_tokens(self, records: Sequence[Record]) -> list[int]:
        """Return how many tokens tuning reads of each record: prompt and reply, cut as there.

        A record that the template cannot take, or of which nothing is learned, counts 0: tuning
        leaves it out.
        """
        rows = self._encoded(records)
        return [
            0 if isinstance(row, Unscorable) or not learned_tokens(row) else row.size
            for row in rows
        ]

    def _encoded(self, records: Sequence[Record]) -> list[Encoded | Unscorable]:
        limit = min(self.tuning.max_length, self._positions)
        return self._chat.encode_each(records, limit, all_turns=self.tuning.turns == "all")

    @cached_property
    def _chat(self) -> ChatFormat:
        return self.given.load_chat()

    @cached_property
    def _positions(self) -> int:
        return self.given.positions()


class HFGenerator:
    """Lets the given model answer, as it is or with the weights of a trainer.

    The options are those of the trainer `hf`. The model is loaded when it is first asked, and
    kept until it is asked with other weights.
    """

    reads = ("tools", "reasoning")

    def __init__(
        self,
        model: str,
        *,
        tuning: Tuning,
        generation: Generation,
        seed: int = 0,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        template: str | None = None,
        template_kwargs: Mapping[str, Any] | str | None = None,
    ) -> None:
        self.given = GivenModel.asked_as(
            tuning, model, revision, dtype, device, template, template_kwargs
        )
        self.max_length = tuning.max_length
        self.generation = generation
        self.seed = seed
        self._loaded: tuple[Weights | None, CausalLM] | None = None

    def identity(self) -> dict[str, Any]:
        """Return what decides answers and losses besides weights and decoding."""
        return {**self.given.identity(), "max_length": self.max_length}

    def check(self) -> None:
        """Look for what would stop the answers; see `GivenModel.check`."""
        self.given.check()

    def answers(
        self, conversations: Sequence[Conversation], weights: Weights | None
    ) -> list[str | Unscorable]:
        """Answer each conversation; see `CausalLM.generate`.

        Thoughts of the model stand in one block before the answer. Raises `ModsError` if the
        model or the weights cannot be loaded.
        """
        found = self._model(weights).generate(conversations, self.generation, seed=self.seed)
        cut(at for at, one in enumerate(found) if isinstance(one, Answer) and one.cut)
        return [one.text if isinstance(one, Answer) else one for one in found]

    def losses(
        self, records: Sequence[Record], weights: Weights | None
    ) -> list[float | Unscorable]:
        """Return the mean loss of each record's own reply, nats per token, thoughts included.

        Rows are cut to `tuning.max_length` tokens as in tuning. Raises as `answers` does.
        """
        lm = self._model(weights)

        def compute(
            places: list[int], rows: list[Encoded | Unscorable]
        ) -> list[float | Unscorable]:
            whole = [row for row in rows if isinstance(row, Encoded)]
            cut(places[at] for at, row in enumerate(rows) if isinstance(row, Encoded) and row.cut)
            losses = iter(lm.mean_losses(whole).tolist())
            return [row if isinstance(row, Unscorable) else _loss(next(losses)) for row in rows]

        return computed_ahead(
            lambda some: lm.encode_each(some, self.max_length),
            compute,
            records,
            lambda record: record.size,
        )

    def _model(self, weights: Weights | None) -> CausalLM:
        """Return the model with these weights, loading it unless it was the last one asked."""
        if self._loaded is not None:
            last, lm = self._loaded
            if last == weights:
                return lm
            del lm
            self._loaded = None  # before the other is loaded: there may be no room for both
            free_device_memory()
        self._loaded = weights, self._load(weights)
        return self._loaded[1]

    def _load(self, weights: Weights | None) -> CausalLM:
        lm = self.given.load()
        if weights is not None:
            from mods_plugins.hf.tuning.weights import attach_weights

            attach_weights(lm, weights.path)
        return lm


def _loss(value: float) -> float | Unscorable:
    return Unscorable("the reply has no token to predict") if math.isnan(value) else value


@hookimpl
def register_trainers(register: Register) -> None:
    """Register `hf`."""
    register("hf", HFTrainer)


@hookimpl
def register_generators(register: Register) -> None:
    """Register `hf`."""
    register("hf", HFGenerator)

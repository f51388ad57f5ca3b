"""Quality by a reward model: stage 1 of MoDS, and what its necessity stage reviews with."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from mods import ModsError, Record, SettingsError, Unscorable, cut, hookimpl, spent
from mods_plugins.hf.batching import TokenBatches, computed_ahead, is_out_of_memory
from mods_plugins.hf.chat.forms import PROBE, TOOLS_TEXT
from mods_plugins.hf.chat.rendering import CHARACTERS_A_TOKEN, Renderer
from mods_plugins.hf.chat.sandbox import RenderError
from mods_plugins.hf.chat.templates import template_arguments
from mods_plugins.hf.checking import check_reward, one_output
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import load_config, load_network, load_tokenizer
from mods_plugins.hf.tokens import Row, model_inputs, token_limit, usable_padding
from mods_plugins.openai.server import Server
from mods_plugins.scorers.served_reward import Kind, Parity, ServedClassifier, kept_scores, probes
from mods_plugins.text import with_response
from mods_plugins.thoughts import block, split_thoughts

if TYPE_CHECKING:
    import torch

    from mods.interfaces import Register

logger = logging.getLogger(__name__)

Template = Literal["auto", "pair", "chat"]
BATCHES = 2
"""A call gets so many rows for each request under way, where a server rates them."""
DEFAULT_MODEL = "OpenAssistant/reward-model-deberta-v3-large-v2"


class RewardModel:
    """Any sequence classifier with one output that rates a response to its context.

    The default is the model of the MoDS paper (sections 3.1 and 3.4), which reads instruction and
    input as one question. Scores are the model's raw outputs: their range is its own, so
    thresholds belong to a model.

    `template` says how a row is put to the model: `pair` as two texts (question, answer), the
    question being the whole context (`Record.prompt`); `chat` with the tokenizer's chat template;
    `auto` is `chat` where the tokenizer has one, else `pair`.

    A row longer than the model reads, or than `max_length` tokens where that is set, keeps its
    whole prompt and loses the end of the response with `too_long=truncate`; the template's closing
    tokens stay, and the row is marked as cut. It is `Unscorable` with `too_long=quarantine`, and
    always when the prompt leaves no room. Models that know only how far tokens are apart (DeBERTa)
    read rows of any length.

    The tools and calls of a row are read, the thoughts before its response only with `thoughts`.
    `template_kwargs` are further variables of the chat template (a table, or JSON text).

    With `server`, the address of a vLLM or SGLang (`kind`), the model answers there, under the name
    `served_as` where that is not `model`. Rows are rendered and cut into tokens here all the same,
    and raw outputs are asked for. Before a run eight rows are rated here and there; the run is
    refused if they differ by more than `tolerance`, a share of the spread of the scores here, and
    what was found is noted. `parity=skip` leaves that out. For `key_env`, `concurrency`, `retries`
    and `timeout` see the generator `openai`.

    Rows of similar length share a batch of at most `batch_tokens` (see `TokenBatches`), padded on
    the right and masked, so that neither batch nor order matters beyond rounding (about 1e-6 in
    float32; bfloat16, which `dtype=auto` takes on a device that has it, keeps two to three digits).
    """

    def __init__(
        self,
        *,
        model: str = DEFAULT_MODEL,
        revision: str | None = None,
        template: Template = "auto",
        template_kwargs: Mapping[str, Any] | str | None = None,
        thoughts: bool = False,
        max_length: int | None = None,
        too_long: Literal["truncate", "quarantine"] = "truncate",
        batch_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
        server: str = "",
        kind: Kind = "vllm",
        served_as: str = "",
        parity: Literal["check", "skip"] = "check",
        tolerance: float = 0.05,
        key_env: str = "",
        concurrency: int = 32,
        retries: int = 6,
        timeout: float = 600.0,
    ) -> None:
        _check("kind", kind, ("vllm", "sglang"))
        _check("parity", parity, ("check", "skip"))
        _check("template", template, ("auto", "pair", "chat"))
        _check("too_long", too_long, ("truncate", "quarantine"))
        self.model = model
        self.revision = revision
        self.template = template
        self.arguments = template_arguments(template_kwargs)
        self.thoughts = thoughts
        self.reads = ("tools", "reasoning") if thoughts else ("tools",)
        self.max_length = max_length
        self.too_long = too_long
        self.batch_tokens = batch_tokens
        self.device = device
        self.dtype = dtype
        self.wants_parity, self.tolerance = parity == "check", tolerance
        self.served: ServedClassifier | None = None
        if server:
            named = Server(server, served_as or model, "", key_env, concurrency, retries, timeout)
            self.served = ServedClassifier(named, kind)
            self.chunk_size = BATCHES * concurrency

    def identity(self) -> dict[str, Any]:
        """Return what decides the scores: the model, its revision or hash, the form of a row."""
        return {
            **model_identity(self.model, self.revision),
            "template": self.template,
            "template_kwargs": self.arguments,
            "thoughts": self.thoughts,
            "max_length": self.max_length,
            "too_long": self.too_long,
            **(self.served.identity() if self.served else self._computing()),
        }

    def _computing(self) -> dict[str, Any]:
        return {"dtype": resolved_dtype(self.dtype, self.device)}

    def check(self) -> None:
        """Refuse a model with more outputs than one, or whose template fails, before any work."""
        check_reward(self.model, self.revision)
        if self._form == "chat":
            probe = Record.from_instruction("mods-probe", PROBE)
            if PROBE not in self._renderer.whole(probe, thoughts=False):
                raise ModsError(f"{self.model}: the chat template does not print the response")
        if self.served is not None:
            self._check_served(self.served)

    def _check_served(self, served: ServedClassifier) -> None:
        """Refuse a server that has another model, or rates rows unlike the model here."""
        if self._form == "pair" and getattr(self._text_config, "type_vocab_size", 0) > 1:
            raise SettingsError(
                f"{self.model} tells two texts apart by segments, which servers are not told: "
                "leave out `server`, or set `template` to chat"
            )
        served.check()
        if self.wants_parity:
            served.accept(self.parity(), self.tolerance, self.model)
        else:
            told = "%s was not held against the model here (parity=skip)"
            logger.warning(told, served.server.root)

    def parity(self) -> Parity:
        """Rate eight rows here and at the server, and compare.

        The scores here are kept in the usual cache, so that the model is loaded here only once.
        """
        assert self.served is not None
        records = probes()
        return self.served.parity(self._own_scores(records), [self._fit(r)[0] for r in records])

    def _own_scores(self, records: Sequence[Record]) -> list[float | Unscorable]:
        """Return the scores of the model itself, computed here or kept from an earlier run."""
        own = RewardModel(
            model=self.model, revision=self.revision, template=self.template,
            template_kwargs=self.arguments, thoughts=self.thoughts, max_length=self.max_length,
            too_long=self.too_long, batch_tokens=self.batch_tokens, device=self.device,
            dtype=self.dtype,
        )  # fmt: skip
        makes = {**own.identity(), "rows": [record.id for record in records]}
        return kept_scores(makes, lambda: own.score(records))

    def score(self, records: Sequence[Record]) -> list[float | Unscorable]:
        """Return the model's output for each record: any finite number, higher is better.

        Raises `ModsError` if the model cannot be loaded or has more outputs than one.
        """
        if self.served is not None:
            return self._rate_fitted(range(len(records)), [*map(self._fit, records)])
        self._network  # noqa: B018  (loaded here, not by the thread that makes rows ready)
        return computed_ahead(
            lambda some: [*map(self._fit, some)],
            self._rate_fitted,
            records,
            lambda record: record.size,
        )

    def score_responses(
        self, records: Sequence[Record], responses: Sequence[str]
    ) -> list[float | Unscorable]:
        """Rate other responses to the records' conversations, one each; as `score` otherwise.

        Thoughts before an answer are told apart from it.
        """
        pairs = zip(records, responses, strict=True)
        return self.score([_answered(record, response) for record, response in pairs])

    def _rate_fitted(
        self, places: Sequence[int], fitted: Sequence[tuple[Row | Unscorable, bool]]
    ) -> list[float | Unscorable]:
        """Rate the records at some places; each is a row, or a reason, and whether it was cut."""
        pairs = [*zip(places, fitted, strict=True)]
        cut(at for at, (_, is_cut) in pairs if is_cut)
        whole = {at: row for at, (row, _) in pairs if isinstance(row, Row)}
        scores = iter(self._rate(list(whole.values()), list(whole)))
        return [row if isinstance(row, Unscorable) else next(scores) for row, _ in fitted]

    def _rate(self, rows: Sequence[Row], places: Sequence[int]) -> list[float | Unscorable]:
        if self.served is not None:
            return self.served.rate(rows, places)
        return self._batches.run(rows, self._rated, length=lambda row: len(row.ids))

    def _rated(self, rows: Sequence[Row]) -> list[float | Unscorable]:
        """Rate a batch; a row that there is no memory for, all by itself, has no score."""
        try:
            return self._batch(rows)
        except (RuntimeError, MemoryError) as error:
            if len(rows) > 1 or not is_out_of_memory(error):
                raise
        return [Unscorable(f"no memory for {len(rows[0].ids)} tokens; `max_length` cuts such rows")]

    def _batch(self, rows: Sequence[Row]) -> list[float | Unscorable]:
        import torch

        pad = self._padding(rows)
        inputs = model_inputs(rows, pad, self._network.device)
        with torch.inference_mode():
            logits: torch.Tensor = self._network(**inputs).logits
        outputs = logits.float().reshape(len(rows), -1)
        if outputs.shape[1] != 1:
            raise ModsError(one_output(self.model, outputs.shape[1]))
        scores = outputs[:, 0].tolist()
        spent(sum(len(row.ids) for row in rows), str(self._network.device))
        return [
            score if math.isfinite(score) else Unscorable(f"the reward model gave {score}")
            for score in scores
        ]

    def _padding(self, rows: Sequence[Row]) -> int:
        """Return the padding id, and tell it to decoders, which look for the last other token.

        Where the model's config has none, an id is taken that no row of the batch contains: the
        end-of-sequence token, a common makeshift, would hide the real one at the end of a row.
        """
        if self._own_padding is not None:
            return self._own_padding
        used = {token for row in rows for token in row.ids}
        free = next(token for token in range(len(used) + 1) if token not in used)
        self._text_config.pad_token_id = free
        return free

    def _fit(self, record: Record) -> tuple[Row | Unscorable, bool]:
        """Tokenize a record, with a shorter response if it is too long; say whether it was."""
        limit = self._limit
        most = limit * CHARACTERS_A_TOKEN
        if len(record.prompt) > most:
            return Unscorable(f"the prompt leaves no room within {limit} tokens"), False
        is_cut = len(record.response) > most
        if is_cut:
            record = _with_text(record, record.response[:most])
        try:
            row = self._tokens(record)
            length = len(row.ids)
            if self.too_long == "quarantine" and (is_cut or length > limit):
                return Unscorable(f"{length} tokens, the limit is {limit}"), False
            while len(row.ids) > limit:
                shorter = self._shorter(record.response, len(row.ids) - limit)
                if not shorter:
                    reason = f"{length} tokens: the prompt leaves no room within {limit}"
                    return Unscorable(reason), False
                record, is_cut = _with_text(record, shorter), True
                row = self._tokens(record)
        except RenderError as error:
            return Unscorable(str(error)), False
        return row, is_cut

    def _shorter(self, response: str, excess: int) -> str:
        """Take at least `excess` tokens off the end of a response."""
        starts = self._token_starts(response)
        keep = len(starts) - excess
        # At least one character goes, so that shortening always ends.
        return response[: min(starts[keep], len(response) - 1)] if keep > 0 else ""

    def _token_starts(self, text: str) -> list[int]:
        """Return where in a text each token starts; evenly spread if the tokenizer cannot tell."""
        fast = bool(self._tokenizer.is_fast)
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=fast, verbose=False
        )
        if fast:
            return [start for start, _ in encoded["offset_mapping"]]
        count = len(encoded["input_ids"])
        return [len(text) * token // count for token in range(count)]

    def _tokens(self, record: Record) -> Row:
        if self._form == "pair":
            encoded = self._tokenizer(*self._pair(record), verbose=False)
            reads_types = self.served is None and self._reads_types
            types = encoded.get("token_type_ids") if reads_types else None
            return Row(list(encoded["input_ids"]), types)
        text = self._renderer.whole(record, thoughts=self.thoughts)
        # The template writes the special tokens itself.
        encoded = self._tokenizer(text, add_special_tokens=False, verbose=False)
        return Row(list(encoded["input_ids"]))

    def _pair(self, record: Record) -> tuple[str, str]:
        """Return the conversation and the response as two texts."""
        tools = record.conversation.tools
        listed = TOOLS_TEXT + "\n".join(tools) + "\n\n" if tools else ""
        thoughts = block(record.reply.reasoning) if self.thoughts and record.reply.reasoning else ""
        return listed + record.prompt, thoughts + record.response

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self._tokenizer, None, self.arguments)

    @cached_property
    def _reads_types(self) -> bool:
        return "token_type_ids" in signature(self._network.forward).parameters

    @cached_property
    def _form(self) -> Template:
        has_template = self._tokenizer.chat_template is not None
        if self.template == "chat" and not has_template:
            raise SettingsError(f"{self.model} has no chat template; set `template` to pair")
        if self.template == "auto":
            return "chat" if has_template else "pair"
        return self.template

    @cached_property
    def _limit(self) -> int:
        return token_limit(self._text_config, self._tokenizer, self.max_length)

    @cached_property
    def _own_padding(self) -> int | None:
        return usable_padding(self._text_config.pad_token_id, self._network)

    @cached_property
    def _text_config(self) -> Any:
        if self.served is not None:
            return load_config(self.model, revision=self.revision).get_text_config()
        return self._network.config.get_text_config()

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self.model, revision=self.revision)

    @cached_property
    def _batches(self) -> TokenBatches:
        return TokenBatches(self.batch_tokens, self._network.device)

    @cached_property
    def _network(self) -> Any:
        from transformers import AutoModelForSequenceClassification

        network = load_network(
            AutoModelForSequenceClassification,
            self.model,
            revision=self.revision,
            device=self.device,
            dtype=self.dtype,
        )
        if network.config.num_labels != 1:
            raise ModsError(one_output(self.model, network.config.num_labels))
        return network


def _answered(record: Record, answer: str) -> Record:
    """Return a record with another reply, its thoughts told apart from the answer."""
    thoughts, text = split_thoughts(answer)
    other = with_response(record, text)
    return replace(other, reply=other.reply._replace(reasoning=thoughts), id="")


def _with_text(record: Record, text: str) -> Record:
    """Return a record with another text of its response; the thoughts before it stay."""
    reply = record.reply._replace(content=text, tool_calls=())
    return replace(record, reply=reply, id="")


def _check(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SettingsError(f"`{option}` {value!r} is unknown; use {', '.join(allowed)}")


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `reward-model`."""
    register("reward-model", RewardModel)

"""The generator `openai`: a model behind any OpenAI-compatible chat endpoint."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mods import Conversation, SettingsError, Unscorable, Weights, cut, early, hookimpl
from mods_plugins.openai.batch import MOST, BatchClient
from mods_plugins.openai.client import Client
from mods_plugins.openai.endpoints import CHAT
from mods_plugins.openai.rendering import as_chat
from mods_plugins.openai.replies import Reply
from mods_plugins.openai.server import Server, extra_fields

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.settings.options import Generation

logger = logging.getLogger(__name__)

BATCHES = 2
"""A call gets so many rows for each request under way."""


class OpenAIGenerator:
    """Answers through a chat endpoint (`base_url` and `/chat/completions`).

    `model` is the name that the server has for it. The method reviews the model that was tuned on
    the seeds, and a served one is as it is: with `tuned=ignore` nothing is tuned, and its own
    answers are reviewed; otherwise a run is refused.

    The key is that of the environment variable OPENAI_API_KEY, or of the one named by `key_env`.
    At most `concurrency` requests are under way, fewer where the server has no room. A request is
    sent again up to `retries` times, and has `timeout` seconds. `extra` are further fields of a
    request (a table, or JSON text). `served_as` is the name that answers bear, where it is not
    that of the model. With `batch`, a folder, no server is asked: requests are written there as
    an OpenAI batch, and the run goes on when `mods batch read` has taken the results. Answers are
    kept by the address of the server and the name of the model.
    """

    reads = ("tools", "media")

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        generation: Generation,
        seed: int = 0,
        tuned: Literal["refuse", "ignore"] = "refuse",
        key_env: str = "",
        concurrency: int = 32,
        retries: int = 6,
        timeout: float = 600.0,
        extra: Mapping[str, Any] | str | None = None,
        served_as: str = "",
        batch: str = "",
    ) -> None:
        self.server = Server(base_url, model, served_as, key_env, concurrency, retries, timeout)
        if tuned not in ("refuse", "ignore"):
            raise SettingsError(f"`tuned` is refuse or ignore, not {tuned!r}")
        self.takes_weights = tuned == "refuse"
        self.generation = generation
        self.seed = seed
        self.extra = extra_fields(extra)
        self.batch = batch
        self.chunk_size = MOST if batch else BATCHES * concurrency

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers besides decoding."""
        seed = {"seed": self.seed} if self.generation.temperature else {}
        return {**self.server.identity(), "extra": self.extra, **seed}

    def check(self) -> None:
        """Refuse what would stop the answers: weights, beams, a model that is not served."""
        if self.takes_weights:
            raise SettingsError(_no_weights(self.server.root))
        if self.generation.beams > 1:
            raise SettingsError("a chat endpoint has no beams: set `generation.beams` to 1")
        self._client.check()

    def answers(
        self, conversations: Sequence[Conversation], weights: Weights | None
    ) -> list[str | Unscorable]:
        """Answer each conversation; one that ends at `generation.max_new_tokens` is cut.

        A refusal, a filtered answer and a conversation that is too long for the server are
        `Unscorable`. Raises `SettingsError` for weights, `ModsError` as `Client.ask` does.
        """
        if weights is not None:
            raise SettingsError(_no_weights(self.server.root))
        asked = [as_chat(conversation) for conversation in conversations]
        requests = {at: one for at, one in enumerate(asked) if not isinstance(one, Unscorable)}
        places, names = list(requests), [conversations[at].id for at in requests]

        def done(number: int, reply: Reply | Unscorable) -> None:
            early(places[number], self._answer(reply))
            cut([places[number]] if isinstance(reply, Reply) and reply.cut else [])

        replies = self._client.ask(list(requests.values()), self._fields, names, done)
        found = dict(zip(places, replies, strict=True))
        stopped = [at for at, one in found.items() if isinstance(one, Reply) and one.cut]
        cut(stopped)
        if stopped:
            most = self.generation.max_new_tokens
            logger.warning(f"openai: some answers end at {most} tokens (`max_new_tokens`), cut")
        return [
            one if isinstance(one, Unscorable) else self._answer(found[at])
            for at, one in enumerate(asked)
        ]

    def _answer(self, reply: Reply | Unscorable) -> str | Unscorable:
        return self.server.hiding(reply.text) if isinstance(reply, Reply) else reply

    @property
    def _fields(self) -> dict[str, Any]:
        sampling = {"seed": self.seed} if self.generation.temperature else {}
        return {
            "max_tokens": self.generation.max_new_tokens,
            "temperature": self.generation.temperature,
            **sampling,
            **self.extra,
        }

    @cached_property
    def _client(self) -> Client[Reply] | BatchClient:
        return BatchClient(self.server, self.batch) if self.batch else Client(self.server, CHAT)


def _no_weights(root: str) -> str:
    return (
        f"the server {root} cannot load the weights that the trainer makes, and the method reviews "
        "the tuned model: take `generator` hf, or write tuned=ignore to have the served model "
        "answer as it is, with nothing tuned"
    )


@hookimpl
def register_generators(register: Register) -> None:
    """Register `openai`."""
    register("openai", OpenAIGenerator)

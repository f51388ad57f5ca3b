"""The generator `vllm`: the tuned model behind a vLLM that is started for it, or given."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods import (
    Conversation,
    ModsError,
    SettingsError,
    Unscorable,
    Weights,
    cut,
    early,
    hookimpl,
    loading,
)
from mods.files import json_digest
from mods_plugins.backends.hf import GivenModel
from mods_plugins.hf.adapters import ADAPTER
from mods_plugins.hf.chat.format import ChatFormat, Prompt, usable
from mods_plugins.hf.devices import resolved_dtype
from mods_plugins.hf.loading import load_generation_stops
from mods_plugins.openai.endpoints import Written
from mods_plugins.openai.server import Server
from mods_plugins.serving.vllm import (
    GivenVLLM,
    Launch,
    RunningVLLM,
    check_same_tokens,
    further,
    program,
    servable,
    served_base,
    version_of,
)
from mods_plugins.thoughts import well_formed

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.settings.options import Generation, Tuning

logger = logging.getLogger(__name__)

BATCHES = 2
"""A call gets so many rows for each request under way."""
PLAIN: Mapping[str, Any] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "return_token_ids": True,
}
"""Nothing but the decoding of the run, whatever the model's own file or the server says."""
NOWHERE = "http://127.0.0.1/v1"
"""Stands for the address of a server that is not started yet."""
TOKENS_OF = "mods: ein Kästchen, 123 + 4\n"
"""What a given server must cut into the same tokens as we do."""


class VLLMGenerator:
    """Lets the given model answer through vLLM, as it is or with the weights of a trainer.

    vLLM is started for each stage that asks, with the tuned adapter or the fully tuned model, on
    127.0.0.1 and a free port, and stopped at its end. The program is that of the environment
    variable MODS_VLLM, else `vllm`; `arguments` are further ones for it, of speed and memory,
    split as a shell would. With `server`, the address of a vLLM that runs (up to `/v1`), the
    adapter is loaded there for the time being; the server must have the given model, see the same
    files, and take adapters while it runs.

    Prompts are rendered and cut into tokens here, by the template that the model was tuned with,
    and its answers are turned into text here: all that is left to vLLM is to go on with tokens.
    `model`, `revision`, `dtype`, `template` and `template_kwargs` are those of the generator `hf`.
    For `key_env`, `concurrency`, `retries` and `timeout` see the generator `openai`.
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
        arguments: str = "",
        start_timeout: float = 1800.0,
        server: str = "",
        key_env: str = "",
        concurrency: int = 32,
        retries: int = 6,
        timeout: float = 600.0,
    ) -> None:
        self.given = GivenModel.asked_as(
            tuning, model, revision, dtype, device, template, template_kwargs
        )
        self.tuning, self.generation, self.seed = tuning, generation, seed
        self.arguments, self.start_timeout = arguments, start_timeout
        self.address = server
        self.asked = Server(server or NOWHERE, model, "", key_env, concurrency, retries, timeout)
        self.chunk_size = BATCHES * concurrency
        self._running: tuple[Weights | None, RunningVLLM | GivenVLLM] | None = None
        self._folder: Path | None = None

    def identity(self) -> dict[str, Any]:
        """Return what decides answers besides weights and decoding: the model, who serves it."""
        seed = {"seed": self.seed} if self.generation.temperature else {}
        at = {"server": self.asked.root} if self.address else {"arguments": self.arguments}
        return {**self.given.identity(), **at, **seed}

    def check(self) -> None:
        """Look for what would stop the answers: the model, the program or the server, beams."""
        self.given.check()
        if self.generation.beams > 1:
            raise SettingsError("vLLM has no beams: set `generation.beams` to 1")
        if not self.address:
            program()
            further(self.arguments)
            return
        if self.tuning.method != "lora":
            raise SettingsError(
                "a server that runs can load an adapter, not a whole model: set `tuning.method` to "
                "lora, or leave out server= to have vLLM started on the tuned model"
            )
        base, _ = served_base(self.asked)
        ids = self._chat.tokenizer(TOKENS_OF, add_special_tokens=False)["input_ids"]
        check_same_tokens(self.asked, base, TOKENS_OF, ids)

    def answers(
        self, conversations: Sequence[Conversation], weights: Weights | None
    ) -> list[str | Unscorable]:
        """Answer each conversation, as the generator `hf` does; thoughts stand in one block.

        Raises `ModsError` if vLLM does not start, dies (with the end of its log), or as
        `Client.ask` does.
        """
        server = self._served(weights)
        asked = self._chat.prompts_each(conversations, self._limit)
        places, prompts = usable(asked)
        cut(at for at, prompt in zip(places, prompts, strict=True) if prompt.cut)
        try:
            requests = [{"prompt": prompt.ids} for prompt in prompts]
            found = server.client.ask(
                requests,
                self._fields,
                done=lambda n, one: early(places[n], self._text(prompts[n], one)),
            )
        except ModsError as error:
            raise server.lost(error) from error
        answered = dict(zip(places, zip(prompts, found, strict=True), strict=True))
        return [
            one if isinstance(one, Unscorable) else self._text(*answered[at])
            for at, one in enumerate(asked)
        ]

    def close(self) -> None:
        """Stop the server; the next call starts it anew."""
        running, self._running = self._running, None
        folder, self._folder = self._folder, None
        try:
            if running is not None:
                running[1].stop()
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _served(self, weights: Weights | None) -> RunningVLLM | GivenVLLM:
        """Return what serves the model with these weights, and start it if need be."""
        if self._running is not None and self._running[0] == weights:
            return self._running[1]
        self.close()
        with loading():
            self._running = weights, self._serve(weights)
        server = self._running[1]
        logger.warning("vllm: answered by version %s", version_of(server.client.server))
        return server

    def _serve(self, weights: Weights | None) -> RunningVLLM | GivenVLLM:
        whole = weights is not None and not (weights.path / ADAPTER).is_file()
        adapter = None if weights is None or whole else weights.path
        name = f"mods-{json_digest(weights.identity if weights else self.identity())[:12]}"
        if self.address:
            if whole:
                raise SettingsError(f"the server {self.asked.root} cannot load a whole model")
            return GivenVLLM(self.asked, adapter, name)
        model = str(weights.path) if weights and whole else self._base(weights)
        launch = Launch(
            self.arguments,
            resolved_dtype(self.given.dtype, self.given.device),
            None if whole else self.given.revision,
            self._limit + self._new,
            self.start_timeout,
        )
        return launch.start(model, name, adapter, self.asked)

    def _base(self, weights: Weights | None) -> str:
        """Return the given model as vLLM loads it; what has to be written lies beside the weights.

        That is in the cache; without weights it is written for the time being.
        """
        if weights is not None:
            folder = weights.path.parent / "served"
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="mods-vllm-"))
            folder = self._folder / "served"
        dtype = resolved_dtype(self.given.dtype, self.given.device)
        return servable(self.given.name, self.given.revision, dtype, folder)

    def _text(self, prompt: Prompt, found: Written | Unscorable) -> str | Unscorable:
        """Turn what was written into an answer, up to the token that ends it."""
        if isinstance(found, Unscorable):
            return found
        end = next((i for i, one in enumerate(found.ids) if one in self._stops), len(found.ids))
        text = self._chat.tokenizer.decode(
            found.ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return well_formed(text, opened=prompt.opened)

    @cached_property
    def _fields(self) -> dict[str, Any]:
        sampling = {"seed": self.seed} if self.generation.temperature else {}
        return {
            "max_tokens": self._new,
            "temperature": self.generation.temperature,
            "stop_token_ids": self._stops,
            **PLAIN,
            **sampling,
        }

    @property
    def _new(self) -> int:
        """The tokens of an answer, at most; see `CausalLM.generate`."""
        return min(self.generation.max_new_tokens, max(1, self._positions // 2))

    @property
    def _limit(self) -> int:
        """The tokens of a prompt, at most."""
        return min(self.generation.max_prompt_tokens, self._positions - self._new)

    @cached_property
    def _positions(self) -> int:
        own = self.given.positions()
        there = served_base(self.asked)[1] if self.address else None
        return own if there is None else min(own, there)

    @cached_property
    def _chat(self) -> ChatFormat:
        return self.given.load_chat()

    @cached_property
    def _stops(self) -> list[int]:
        ends = load_generation_stops(self.given.name, revision=self.given.revision)
        return sorted({*self._chat.stop_ids, *ends})


@hookimpl
def register_generators(register: Register) -> None:
    """Register `vllm`."""
    register("vllm", VLLMGenerator)

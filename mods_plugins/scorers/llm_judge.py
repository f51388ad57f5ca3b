"""Quality by a judge: a chat model behind a server reads each row by a rubric and gives a score."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mods import Record, SettingsError, Unscorable, early, hookimpl
from mods_plugins.hf.chat.sandbox import RenderError, render
from mods_plugins.openai.batch import MOST, BatchClient
from mods_plugins.openai.client import Client
from mods_plugins.openai.endpoints import CHAT
from mods_plugins.openai.replies import Reply
from mods_plugins.openai.server import Server, extra_fields
from mods_plugins.text import with_response
from mods_plugins.thoughts import answer_of

if TYPE_CHECKING:
    from mods.interfaces import Register

logger = logging.getLogger(__name__)

RUBRIC = Path(__file__).with_suffix(".jinja")
"""What a judge is told, unless another rubric is given."""
MARKS = ("mods-probe-prompt", "mods-probe-response")
"""A conversation and a reply that no rubric holds."""
BATCHES = 2
"""A call gets so many rows for each request under way."""
_OBJECT = re.compile(r"\{[^{}]*\"score\"[^{}]*\}")


class LLMJudge:
    """Has a chat model at `server` (an OpenAI-compatible address) rate each reply by a rubric.

    `rubric` is a Jinja template, or a file that holds one. It is given `prompt` and `response`,
    `instruction`, `input`, `tools` (texts), `lowest` and `highest`, and must have the judge answer
    with a JSON object that has a `score` from `lowest` to `highest`. The usual one asks for what
    was asked, truth, wholeness and form. A row may try to talk the judge into a score; the usual
    rubric marks what is to be judged and says so, which helps and is no guarantee.

    With `structured=auto` the server is asked to keep to the form of the object (JSON schema)
    where it can; `always` and `never` decide it. An answer without a score is asked for once more;
    without one again the row is `Unscorable`. The judge decodes at temperature 0, unless `extra`
    (further fields of a request, a table or JSON text) says otherwise.

    For `key_env`, `concurrency`, `retries`, `timeout`, `served_as` and `batch` see the generator
    `openai`; in a batch `structured=auto` asks for the form.
    """

    reads = ("tools",)

    def __init__(
        self,
        server: str,
        model: str,
        *,
        rubric: str | None = None,
        lowest: float = 1,
        highest: float = 10,
        structured: Literal["auto", "always", "never"] = "auto",
        max_tokens: int = 1024,
        key_env: str = "",
        concurrency: int = 32,
        retries: int = 6,
        timeout: float = 600.0,
        extra: Mapping[str, Any] | str | None = None,
        served_as: str = "",
        batch: str = "",
    ) -> None:
        self.server = Server(server, model, served_as, key_env, concurrency, retries, timeout)
        if structured not in ("auto", "always", "never"):
            raise SettingsError(f"`structured` is auto, always or never, not {structured!r}")
        if not (math.isfinite(lowest) and math.isfinite(highest) and lowest < highest):
            raise SettingsError(f"`lowest` {lowest} must be below `highest` {highest}")
        self.rubric = _rubric(rubric)
        self.lowest, self.highest = lowest, highest
        self.structured = structured
        self.max_tokens = max_tokens
        self.extra = extra_fields(extra)
        self.batch = batch
        self.chunk_size = MOST if batch else BATCHES * concurrency

    def identity(self) -> dict[str, Any]:
        """Return what decides the scores: the judge, the text of the rubric, the scale."""
        return {
            **self.server.identity(),
            "rubric": hashlib.sha256(self.rubric.encode()).hexdigest(),
            "scale": [self.lowest, self.highest],
            "structured": self.structured,
            "max_tokens": self.max_tokens,
            "extra": self.extra,
        }

    def check(self) -> None:
        """Refuse a rubric that leaves out the row, and a model that is not served."""
        try:
            text = self._asked(Record.from_instruction(*MARKS))
        except RenderError as error:
            raise SettingsError(f"`rubric` cannot be rendered: {error}") from error
        for name, mark in zip(("prompt", "response"), MARKS, strict=True):
            if mark not in text:
                raise SettingsError(f"`rubric` does not show the {name}: write {{{{ {name} }}}}")
        self._client.check()

    def score(self, records: Sequence[Record]) -> list[float | Unscorable]:
        """Return the judge's score of each record, from `lowest` to `highest`.

        Raises `ModsError` as `Client.ask` does.
        """
        found: list[float | Unscorable] = [Unscorable("")] * len(records)
        asked: dict[int, list[dict[str, str]]] = {}
        for at, record in enumerate(records):
            try:
                asked[at] = [{"role": "user", "content": self._asked(record)}]
            except RenderError as error:
                found[at] = Unscorable(f"the rubric cannot show the row: {error}")
        names = [record.id for record in records]
        unread = self._ask(asked, found, names)
        if unread:
            logger.warning("llm-judge: some answers held no score and were asked for once more")
            again = {at: [*asked[at], *self._again(text)] for at, text in unread.items()}
            self._ask(again, found, names)
        return found

    def score_responses(
        self, records: Sequence[Record], responses: Sequence[str]
    ) -> list[float | Unscorable]:
        """Rate other responses to the records' conversations, one each, without their thoughts."""
        pairs = zip(records, responses, strict=True)
        return self.score([with_response(record, answer_of(text)) for record, text in pairs])

    def _ask(
        self,
        asked: Mapping[int, list[dict[str, str]]],
        found: list[float | Unscorable],
        names: Sequence[str],
    ) -> dict[int, str]:
        """Put the scores of rows into `found`; returns the answers that hold none, by place."""
        requests, places = [{"messages": messages} for messages in asked.values()], list(asked)

        def done(number: int, reply: Reply | Unscorable) -> None:
            score = reply if isinstance(reply, Unscorable) else self.read(reply)
            if score is not None:
                early(places[number], score)

        replies = self._client.ask(requests, self._fields, [names[at] for at in asked], done)
        unread = {}
        for at, reply in zip(asked, replies, strict=True):
            score = reply if isinstance(reply, Unscorable) else self.read(reply)
            if score is None:
                assert isinstance(reply, Reply)
                unread[at] = answer_of(reply.text)
                score = Unscorable(
                    f"the judge gave no score from {self.lowest:g} to {self.highest:g}, asked twice"
                )
            found[at] = score
        return unread

    def read(self, reply: Reply) -> float | None:
        """Return the score in an answer; None without one, out of scale, or with several."""
        text = answer_of(reply.text).strip()
        found = {
            _score(one) for one in ([text] if _score(text) is not None else _OBJECT.findall(text))
        }
        score = found.pop() if len(found) == 1 else None
        return score if score is not None and self.lowest <= score <= self.highest else None

    def _again(self, text: str) -> list[dict[str, str]]:
        form = f'{{"reason": "...", "score": a number from {self.lowest:g} to {self.highest:g}}}'
        told = f"Your answer holds no such score. Answer with one JSON object alone: {form}"
        return [{"role": "assistant", "content": text}, {"role": "user", "content": told}]

    def _asked(self, record: Record) -> str:
        values = {
            "prompt": record.prompt,
            "response": record.response,
            "instruction": record.instruction,
            "input": record.input,
            "tools": list(record.conversation.tools),
            "lowest": self.lowest,
            "highest": self.highest,
        }
        return render(self.rubric, values, record.size + len(self.rubric))

    @cached_property
    def _fields(self) -> dict[str, Any]:
        plain = {"max_tokens": self.max_tokens, "temperature": 0, **self.extra}
        kept = {**plain, "response_format": self._form()}
        if self.structured == "never":
            return plain
        if self.structured == "always" or self._client.takes(kept):
            return kept
        logger.info("llm-judge: %s keeps to no JSON schema", self.server.model)
        return plain

    def _form(self) -> dict[str, Any]:
        score = {"type": "number", "minimum": self.lowest, "maximum": self.highest}
        schema = {
            "type": "object",
            "properties": {"reason": {"type": "string"}, "score": score},
            "required": ["reason", "score"],
            "additionalProperties": False,
        }
        named = {"name": "rating", "strict": True, "schema": schema}
        return {"type": "json_schema", "json_schema": named}

    @cached_property
    def _client(self) -> Client[Reply] | BatchClient:
        return BatchClient(self.server, self.batch) if self.batch else Client(self.server, CHAT)


def _score(text: str) -> float | None:
    """Return the number under `score` in a JSON object; None for any other text."""
    try:
        score = json.loads(text)["score"]
        return float(score) if type(score) in (int, float) else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _rubric(given: str | None) -> str:
    """Return the text of a rubric: the usual one, the given text, or that of the given file."""
    if given is not None and "{" in given:
        return given
    path = RUBRIC if given is None else Path(given).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"`rubric` {given}: {getattr(error, 'strerror', None) or error}"
        ) from error


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `llm-judge`."""
    register("llm-judge", LLMJudge)

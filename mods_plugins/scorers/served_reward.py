"""A reward model behind vLLM or SGLang: asked for raw outputs, and held to its weights."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from mods import Message, ModsError, Record, Unscorable, early
from mods.files import default_cache, json_digest, make_folder, write_json
from mods_plugins.hf.tokens import Row
from mods_plugins.openai.client import Client
from mods_plugins.openai.endpoints import CLASSIFY, POOLING, Fields, Score
from mods_plugins.openai.server import Server

logger = logging.getLogger(__name__)

Kind = Literal["vllm", "sglang"]
RAW: Fields = {"task": "classify", "use_activation": False}
"""vLLM squashes the outputs of classifiers unless it is asked not to."""
LEAST = 2
"""So many rows must have a score on both sides for a comparison to say anything."""


def probes() -> list[Record]:
    """Eight conversations: short and long, good and bad, in several scripts, in several turns."""
    asked = "Name three colours of the rainbow."
    turns = [
        Message("user", "Is 7 a prime number?"),
        Message("assistant", "Yes: only 1 and 7 divide it."),
        Message("user", "And 9?"),
        Message("assistant", "No, 9 is 3 x 3."),
    ]
    return [
        Record.from_instruction(asked, "Red, yellow and blue are three of them."),
        Record.from_instruction(asked, "no"),
        Record.from_instruction(asked, ""),
        Record.from_instruction("Übersetze ins Japanische: Guten Morgen!", "おはようございます。"),
        Record.from_instruction("Sum a list in Python.", "```python\ntotal = sum(values)\n```"),
        Record.from_instruction("Say it again and again.", "again and " * 20),
        Record.from_instruction("Summarise.", "Rain.", "It rained all day long. " * 10),
        Record.from_turns(turns, "And 9?"),
    ]


def kept_scores(
    makes: Mapping[str, Any], compute: Callable[[], list[float | Unscorable]]
) -> list[float | Unscorable]:
    """Return scores that an earlier run left in the usual cache, or compute and leave them."""
    file = default_cache() / "parity" / f"{json_digest(makes)}.json"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))["scores"]
        return [Unscorable("none in an earlier run") if s is None else s for s in kept]
    scores = compute()
    make_folder(file.parent)
    write_json(file, {"scores": [None if isinstance(s, Unscorable) else s for s in scores]})
    return scores


@dataclass(frozen=True)
class Parity:
    """How far a server's scores of some rows are from those of the model itself."""

    rows: int
    gap: float
    """The largest difference."""
    spread: float
    """From the lowest to the highest score of the model itself."""

    @classmethod
    def of(cls, here: Sequence[float], there: Sequence[float]) -> Parity:
        """Compare scores of the same rows."""
        gaps = [abs(a - b) for a, b in zip(here, there, strict=True)]
        return cls(len(gaps), max(gaps), max(here) - min(here))

    @property
    def share(self) -> float:
        """The largest difference as a share of the spread: 0 is none."""
        return self.gap / self.spread if self.spread else float("inf") if self.gap else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "share": self.share}

    def __str__(self) -> str:
        return (
            f"over {self.rows} rows the largest difference is {self.gap:.3g}, {self.share:.2%} of "
            f"the spread {self.spread:.3g} of the scores here"
        )


class ServedClassifier:
    """A sequence classifier behind a server."""

    def __init__(self, server: Server, kind: Kind) -> None:
        root = server.root.removesuffix("/v1")
        self.server = Server(
            root, server.model, "", server.key_env, server.concurrency, server.retries,
            server.timeout,
        )  # fmt: skip
        self._listing = Server(f"{root}/v1", server.model, "", server.key_env)
        self.kind: Kind = kind

    def identity(self) -> dict[str, Any]:
        """Return who gives the scores."""
        return {"server": self.server.root, "served_as": self.server.model, "kind": self.kind}

    def check(self) -> None:
        """Hold the model against the server's list; `ModsError` if nothing answers there."""
        Client(self._listing, POOLING).check()

    def rate(self, rows: Sequence[Row], places: Sequence[int] = ()) -> list[float | Unscorable]:
        """Return the raw output for each row of token ids; `ModsError` as `Client.ask`.

        `places` are those of the rows in the call, where there is one: each is told as it comes.
        """
        if self.kind == "vllm":
            requests, common = [{"input": row.ids} for row in rows], RAW
        else:
            requests, common = [{"input_ids": row.ids} for row in rows], {}

        def done(number: int, reply: Score | Unscorable) -> None:
            if places:
                early(places[number], _value(reply))

        return [_value(reply) for reply in self._client.ask(requests, common, done=done)]

    def parity(
        self, here: Sequence[float | Unscorable], rows: Sequence[Row | Unscorable]
    ) -> Parity:
        """Hold the server's scores of rows against those of the model itself.

        Rows without a score here say nothing. Raises `ModsError` if the server has none for a row
        that has one here, or if there are too few.
        """
        pairs = [
            (score, row)
            for score, row in zip(here, rows, strict=True)
            if not isinstance(score, Unscorable) and not isinstance(row, Unscorable)
        ]
        if len(pairs) < LEAST:
            raise ModsError("too few of the rows that a server is held to fit into `max_length`")
        there = self.rate([row for _, row in pairs])
        for one in there:
            if isinstance(one, Unscorable):
                raise ModsError(
                    f"the server {self.server.root} gives no score to a row that has one here: "
                    f"{one.reason}"
                )
        scores = [one for one in there if not isinstance(one, Unscorable)]
        return Parity.of([score for score, _ in pairs], scores)

    def accept(self, found: Parity, tolerance: float, model: str) -> None:
        """Note what a comparison found; `ModsError` beyond a tolerance, a share of the spread."""
        if found.share > tolerance:
            raise ModsError(
                f"the server {self.server.root} rates rows unlike {model} here: {found}, and "
                f"{tolerance:.2%} are allowed (`tolerance`). Has it the same weights, and no "
                "activation on them? Do rows end with the padding token, which transformers passes "
                "over and servers do not?"
            )
        logger.warning("reward-model: %s against the model here: %s", self.server.root, found)

    @cached_property
    def _client(self) -> Client[Score]:
        return Client(self.server, POOLING if self.kind == "vllm" else CLASSIFY)


def _value(reply: Score | Unscorable) -> float | Unscorable:
    return reply if isinstance(reply, Unscorable) else reply.value

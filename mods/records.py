"""A record: one conversation whose last turn is the response to be judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant` (other roles, such as `tool`, are kept as they are)."""
    content: str


def content_id(messages: Iterable[Message]) -> str:
    """Hash the content of a conversation.

    Returns 32 hexadecimal digits of SHA-256 over roles and texts: the same conversation has the
    same id in every schema, file, run and machine.
    """
    turns = [[message.role, message.content] for message in messages]
    text = json.dumps(turns, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def user_text(instruction: str, input: str = "") -> str:
    """Return the user turn of an instruction: the instruction and, below it, the input if any."""
    return f"{instruction}\n{input}" if input else instruction


@dataclass(frozen=True, slots=True)
class Record:
    """One instruction-tuning example, native multi-turn.

    The last message is the assistant's response; what stands before it is the context.
    """

    messages: tuple[Message, ...]
    instruction: str
    """The instruction proper: the last user turn, without a separate input field."""
    input: str = ""
    """The input that came in a field of its own (Alpaca), else empty."""
    source: str = ""
    """The file, folder or hub id the row came from."""
    row: int = 0
    """The row number in its source, from 1 (for JSONL: the line number)."""
    id: str = ""
    """See `content_id`; computed when empty."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The row as it was read, untouched."""

    def __post_init__(self) -> None:
        """Check the shape and compute the id."""
        if not self.messages or self.messages[-1].role != "assistant":
            raise ValueError("the last message of a record must be the assistant's response")
        if not self.id:
            object.__setattr__(self, "id", content_id(self.messages))

    @classmethod
    def from_instruction(
        cls, instruction: str, response: str, input: str = "", system: str = "", **where: Any
    ) -> Record:
        """Make a single-turn record; the user turn is the instruction and, below it, the input."""
        turns = [Message("system", system)] if system else []
        turns += [Message("user", user_text(instruction, input)), Message("assistant", response)]
        return cls(tuple(turns), instruction=instruction, input=input, **where)

    @property
    def key(self) -> str:
        """What cached results are kept by: the id, and how the prompt is split if it is."""
        if not self.input:
            return self.id
        split = hashlib.sha256(f"{len(self.instruction)}:{self.input}".encode("utf-8", "replace"))
        return f"{self.id}-{split.hexdigest()[:8]}"

    @property
    def response(self) -> str:
        """The text of the last turn."""
        return self.messages[-1].content

    @property
    def context(self) -> tuple[Message, ...]:
        """Everything before the response."""
        return self.messages[:-1]

    @property
    def prompt(self) -> str:
        """The context as plain text: the turn itself if it is one, else `role: text` by line."""
        context = self.context
        if len(context) == 1:
            return context[0].content
        return "\n".join(f"{message.role}: {message.content}" for message in context)


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a reader found it, before its schema is recognised."""

    row: int
    """Row number from 1."""
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot become a record, with the reason and the raw text."""

    row: int
    reason: str
    text: str
    source: str = ""

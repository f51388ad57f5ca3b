"""Records: a conversation, the reply that is judged and learned, and where the row came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple


class ToolCall(NamedTuple):
    """A call of a tool by the assistant."""

    name: str
    arguments: str
    """JSON text, as the row gave it."""
    id: str = ""


class Media(NamedTuple):
    """A picture, a sound or a film that a turn refers to; never the content itself."""

    kind: Literal["image", "audio", "video"]
    reference: str
    """Path, address or name, as the row gave it."""


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    """`system`, `user`, `assistant` or `tool` (others are kept as they are)."""
    content: str
    reasoning: str = ""
    """What the assistant thought before it answered."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    """Of a `tool` turn: the call it is the result of."""
    name: str = ""
    """Of a `tool` turn: the tool."""
    media: tuple[Media, ...] = ()
    weight: float | None = None
    """How much the turn counts in training, 0 or more; None where the row does not say."""

    @property
    def plain(self) -> bool:
        """Whether role and content are all there is."""
        return self[2:] == PLAIN

    @property
    def text(self) -> str:
        """The content as plain text, tool calls included, one a line."""
        if not self.tool_calls:
            return self.content
        calls = (f'{{"name": "{c.name}", "arguments": {c.arguments}}}' for c in self.tool_calls)
        return "\n".join([self.content, *calls] if self.content else calls)

    def as_json(self) -> list[Any]:
        """Return what the turn is made of: role, content, and the other parts it has."""
        if self.plain:
            return [self.role, self.content]
        parts = zip(self._fields[2:], self[2:], PLAIN, strict=True)
        return [self.role, self.content, {name: v for name, v, empty in parts if v != empty}]


PLAIN = Message("", "")[2:]
"""The other parts of a turn that has only role and content."""


def content_id(turns: Sequence[Message], tools: Sequence[str] = ()) -> str:
    """Hash turns and the tools they may use.

    Returns 32 hexadecimal digits of SHA-256 over every part: the same conversation has the same id
    in every schema, file, run and machine.
    """
    parts: list[Any] = [turn.as_json() for turn in turns]
    if tools:
        parts.append({"tools": list(tools)})
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def user_text(instruction: str, input: str = "") -> str:
    """Return the user turn of an instruction: the instruction and, below it, the input if any."""
    return f"{instruction}\n{input}" if input else instruction


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a model is asked to answer: the turns up to where the assistant speaks."""

    turns: tuple[Message, ...]
    instruction: str
    """The instruction proper: the last user turn, without a separate input field."""
    input: str = ""
    """The input that came in a field of its own (Alpaca), else empty."""
    tools: tuple[str, ...] = ()
    """The tools offered, each a JSON schema as text."""

    @classmethod
    def from_instruction(cls, instruction: str, input: str = "", system: str = "") -> Conversation:
        """Make a single-turn one; the user turn is the instruction and, below it, the input."""
        turns = (Message("system", system),) if system else ()
        return cls((*turns, Message("user", user_text(instruction, input))), instruction, input)

    @property
    def id(self) -> str:
        """See `content_id`."""
        return content_id(self.turns, self.tools)

    @property
    def key(self) -> str:
        """What answers are kept by: the id, and how the prompt is split if it is."""
        return self.id + self.split

    @property
    def split(self) -> str:
        """A mark of how the prompt is split into instruction and input; empty where it is not."""
        if not self.input:
            return ""
        split = hashlib.sha256(f"{len(self.instruction)}:{self.input}".encode("utf-8", "replace"))
        return f"-{split.hexdigest()[:8]}"

    @property
    def prompt(self) -> str:
        """The turns as plain text: the turn itself if it is one, else `role: text` by line."""
        if len(self.turns) == 1:
            return self.turns[0].text
        return "\n".join(f"{turn.role}: {turn.text}" for turn in self.turns)

    @property
    def media(self) -> tuple[Media, ...]:
        """The media of all turns."""
        return tuple(medium for turn in self.turns for medium in turn.media)

    @property
    def size(self) -> int:
        """Characters of all turns: what the cost of a forward pass grows with."""
        return sum(len(turn.content) for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Record:
    """One instruction-tuning example, native multi-turn."""

    conversation: Conversation
    reply: Message
    """The assistant's last turn: what is judged, and what is learned."""
    source: str = ""
    """The file, folder or hub id the row came from."""
    row: int = 0
    """The row number in its source, from 1 (for JSONL: the line number)."""
    id: str = ""
    """See `content_id`, over the conversation and the reply; computed when empty."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The row as it was read, untouched."""
    text: bytes | None = field(default=None, compare=False, repr=False)
    """The row as it was written, on one line, where its source is JSON."""

    def __post_init__(self) -> None:
        """Check the reply and compute the id."""
        if self.reply.role != "assistant":
            raise ValueError("the last turn of a record must be the assistant's reply")
        if not self.id:
            object.__setattr__(self, "id", content_id(self.messages, self.conversation.tools))

    @classmethod
    def from_turns(
        cls, turns: Sequence[Message], instruction: str, input: str = "", **where: Any
    ) -> Record:
        """Make a record of turns, the last of which is the reply; `where`: source, row, raw."""
        if not turns:
            raise ValueError("the last turn of a record must be the assistant's reply")
        return cls(Conversation(tuple(turns[:-1]), instruction, input), turns[-1], **where)

    @classmethod
    def from_instruction(
        cls, instruction: str, response: str, input: str = "", system: str = "", **where: Any
    ) -> Record:
        """Make a single-turn record; see `Conversation.from_instruction`."""
        asked = Conversation.from_instruction(instruction, input, system)
        return cls(asked, Message("assistant", response), **where)

    @property
    def key(self) -> str:
        """What results are kept by: the id, and how the prompt is split if it is."""
        return self.id + self.conversation.split

    @property
    def instruction(self) -> str:
        """The instruction proper: the last user turn, without a separate input field."""
        return self.conversation.instruction

    @property
    def input(self) -> str:
        """The input that came in a field of its own (Alpaca), else empty."""
        return self.conversation.input

    @property
    def response(self) -> str:
        """The reply as plain text: its content and, one a line, its tool calls; no reasoning."""
        return self.reply.text

    @property
    def context(self) -> tuple[Message, ...]:
        """The turns before the reply."""
        return self.conversation.turns

    @property
    def messages(self) -> tuple[Message, ...]:
        """All turns, the reply last."""
        return (*self.conversation.turns, self.reply)

    @property
    def prompt(self) -> str:
        """The conversation as plain text; see `Conversation.prompt`."""
        return self.conversation.prompt

    @property
    def size(self) -> int:
        """Characters of all turns: what the cost of a forward pass grows with."""
        return self.conversation.size + len(self.reply.content)


class RawRow(NamedTuple):
    """A row as a reader found it, before its schema is recognised."""

    row: int
    """Row number, from 1; larger than that of the row before."""
    data: Mapping[str, Any]
    text: bytes | None = None
    """The row as it was written, on one line, where the source is JSON."""


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot become a record, with the reason and the raw text."""

    row: int
    reason: str
    text: str
    source: str = ""

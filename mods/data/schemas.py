"""Schemas: which fields of a row are the conversation, and how its turns are built.

| schema              | columns                                                                   |
|---------------------|---------------------------------------------------------------------------|
| `messages`          | `messages`: turns with `role` and `content`; optional `system`            |
| `sharegpt`          | `conversations`: turns with `from` and `value`; optional `system`         |
| `alpaca`            | `instruction`, `output`; optional `input`, `system`, `history` [[q, a]] |
| `prompt-completion` | `prompt`, `completion`: each a text or a list of turns; optional `system` |

`mods.data.columns.FIELDS` lists the other names a column may have (`question`, `context`,
`response`, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mods.data.columns import Columns
from mods.data.turns import Turns, read_turns
from mods.data.values import RowError, as_list, as_text, is_list
from mods.records import Message, user_text

Built: TypeAlias = tuple[Turns, str, str]
"""All turns, the instruction proper, the separate input."""


@dataclass(frozen=True)
class Schema:
    """One way of writing a conversation as a row."""

    name: str
    required: tuple[str, ...]
    """Fields a row must have."""
    optional: tuple[str, ...]
    build: Callable[[Columns], Built]

    def response_in(self, columns: Columns) -> str:
        """Say where the response is, for messages."""
        return f"field '{columns.column(self.required[-1])}'"


def build_alpaca(columns: Columns) -> Built:
    """Build a row with instruction, input and output."""
    instruction = columns.text("instruction")
    if not instruction.strip():
        raise RowError(f"the instruction is empty (field '{columns.column('instruction')}')")
    response, input = columns.text("output"), columns.optional_text("input")
    turns = [*system_turn(columns), *history_turns(columns)]
    turns.append(Message("user", user_text(instruction, input)))
    turns.append(Message("assistant", response))
    return turns, instruction, input


def history_turns(columns: Columns) -> Turns:
    """Return the earlier turns: a list of [question, answer] pairs of texts."""
    history = columns.value("history")
    turns: Turns = []
    if history is None:
        return turns
    where = f"field '{columns.column('history')}'"
    for number, pair in enumerate(as_list(history, where, "a list of pairs"), 1):
        item = f"pair {number} of {where}"
        if len(as_list(pair, item, "a pair of texts")) != 2:
            raise RowError(f"{item} should be a pair of texts, found {len(pair)} items")
        turns.append(Message("user", as_text(pair[0], item)))
        turns.append(Message("assistant", as_text(pair[1], item)))
    return turns


def build_turns(field: str) -> Callable[[Columns], Built]:
    """Build rows whose conversation is a list of turns in one field."""

    def build(columns: Columns) -> Built:
        where = f"field '{columns.column(field)}'"
        return conversation(columns, read_turns(columns.value(field), where), where)

    return build


def build_prompt_completion(columns: Columns) -> Built:
    """Build a row whose prompt and completion are each a text or a list of turns."""
    turns: Turns = []
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        value, where = columns.value(name), f"field '{columns.column(name)}'"
        if is_list(value):
            turns += read_turns(value, where)
        else:
            turns.append(Message(role, as_text(value, where, "text or a list of turns")))
    return conversation(columns, turns, f"field '{columns.column('completion')}'")


def conversation(columns: Columns, turns: Turns, where: str) -> Built:
    """Check that turns end in a response to a user, and add a system field if they have none."""
    if turns[-1].role != "assistant":
        raise RowError(
            f"{where} ends with a {turns[-1].role} turn: there is no response to judge after it"
        )
    asked = next((turn for turn in reversed(turns) if turn.role == "user"), None)
    if asked is None:
        raise RowError(f"{where} has no user turn: there is no instruction")
    if not asked.content.strip():
        raise RowError(f"the instruction is empty (the last user turn of {where})")
    if turns[0].role != "system":
        turns = [*system_turn(columns), *turns]
    return turns, asked.content, ""


def system_turn(columns: Columns) -> Turns:
    """Return the system field as a turn, or nothing."""
    system = columns.optional_text("system")
    return [Message("system", system)] if system else []


SCHEMAS: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema("messages", ("messages",), ("system",), build_turns("messages")),
        Schema("sharegpt", ("conversations",), ("system",), build_turns("conversations")),
        Schema("alpaca", ("instruction", "output"), ("input", "system", "history"), build_alpaca),
        Schema("prompt-completion", ("prompt", "completion"), ("system",), build_prompt_completion),
    )
}
"""Every schema by name, in the order in which a row is held against them."""


def understood() -> str:
    """List the schemas with their fields, for messages."""
    return "; ".join(
        f"{schema.name} ({', '.join(schema.required)}; optional {', '.join(schema.optional)})"
        for schema in SCHEMAS.values()
    )

"""Messages as OpenAI has them, as JSON lines or Parquet. Registers `messages` and `datasets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mods import Message, Record, Unscorable, hookimpl
from mods_plugins.exporters.parts import PLURAL, each, reference

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported


class Messages:
    """Every part of every turn; `mods` reads the rows back to the same ids.

    `messages`: turns of `role`, `content` and, where a row has them, `reasoning_content`,
    `tool_calls` (arguments as JSON text), `tool_call_id`, `name`, `weight`, and lists of paths
    `images`, `audios`, `videos`. `tools`: JSON texts, one a tool.
    """

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return `messages` and, where there are any, `tools`."""
        return each(records, self.row)

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record."""
        tools = {"tools": list(record.conversation.tools)} if record.conversation.tools else {}
        return {"messages": [as_message(turn) for turn in record.messages], **tools}

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return nothing: this is no one trainer's form."""
        return {}


class Datasets(Messages):
    """The same as Parquet, for `datasets.load_dataset`."""

    data = "train-00000-of-00001.parquet"


def as_message(turn: Message) -> dict[str, Any]:
    """Return a turn with all that it has."""
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    if turn.tool_calls:
        message["tool_calls"] = [
            {**({"id": call.id} if call.id else {}), "type": "function",
             "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.tool_calls
        ]  # fmt: skip
    for name in ("tool_call_id", "name"):
        if getattr(turn, name):
            message[name] = getattr(turn, name)
    for medium in turn.media:
        message.setdefault(PLURAL[medium.kind], []).append(reference(medium))
    if turn.weight is not None:
        message["weight"] = turn.weight
    return message


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `messages` and `datasets`."""
    register("messages", Messages)
    register("datasets", Datasets)

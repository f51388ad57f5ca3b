"""The fields of Alpaca: instruction, input, output, system, history. Registers `alpaca`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mods import Record, Unscorable, hookimpl
from mods_plugins.exporters.parts import Refusal, each, learned, refuse_media, turns_of

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported
    from mods.settings.options import Tuning


class Alpaca:
    """`instruction`, `input`, `output`, `system`, and `history`, pairs of earlier turns.

    Rows with tools, reasoning, media or turns in another order are refused: the form has no place
    for them.
    """

    def __init__(self, tuning: Tuning | None = None, turns: str | None = None) -> None:
        self.turns = turns_of(turns, tuning)

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return one row of the fields per record."""
        return each(records, self.row)

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record."""
        refuse_media(record)
        learns = learned(record, self.turns)
        if record.conversation.tools or any(turn.tool_calls for turn in record.messages):
            raise Refusal("it has tools, for which Alpaca's fields have no place")
        if any(turn.reasoning for turn in record.messages):
            raise Refusal("it has reasoning, for which Alpaca's fields have no place")
        turns = list(record.messages)
        system = turns.pop(0).content if turns[0].role == "system" else ""
        if [turn.role for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
            raise Refusal("its turns are not those of a user and an assistant, one after the other")
        if any(turn.tool_call_id or turn.name for turn in turns):
            raise Refusal("a turn has a name, for which Alpaca's fields have no place")
        earlier = [learns[at] for at, turn in enumerate(record.messages)
                   if turn.role == "assistant"][:-1]  # fmt: skip
        if self.turns == "all" and not all(earlier):
            raise Refusal("an earlier answer has the weight 0, for which there is no place")
        history = [[turns[at].content, turns[at + 1].content] for at in range(0, len(turns) - 2, 2)]
        return {
            "instruction": record.instruction,
            "input": record.input,
            "output": record.reply.content,
            "system": system,
            "history": history,
        }

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return nothing: this is no one trainer's form."""
        return {}


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `alpaca`."""
    register("alpaca", Alpaca)

"""What exporters share: which turns are learned, parts of turns, refusals. A helper: no hooks."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mods import Media, Message, Record, SettingsError, Unscorable
from mods.settings.options import Tuning
from mods_plugins.hf.chat.forms import as_tools

Turns = Literal["last", "all"]
INLINE = "sha256:"
"""How a medium is named whose content stands in the row itself."""
PLURAL = {"image": "images", "audio": "audios", "video": "videos"}
"""Columns of media, by kind."""


class Refusal(Exception):
    """Why a record is not exported."""


def each(
    records: Sequence[Record], write: Callable[[Record], dict[str, Any]]
) -> list[Mapping[str, Any] | Unscorable]:
    """Write every record, or say why not."""
    rows: list[Mapping[str, Any] | Unscorable] = []
    for record in records:
        try:
            rows.append(write(record))
        except Refusal as refusal:
            rows.append(Unscorable(str(refusal)))
    return rows


def turns_of(turns: str | None, tuning: Tuning | None) -> Turns:
    """Return which answers are learned: as asked for, else as the run's own tuning does."""
    found = turns if turns is not None else (tuning or Tuning()).turns
    if found not in ("last", "all"):
        raise SettingsError(f"turns={found!r}: expected last or all")
    return found  # type: ignore[return-value]


class OfTuning(ABC):
    """An exporter for a trainer that is set up as the run's tuning was; `row` writes one record."""

    def __init__(
        self, tuning: Tuning | None = None, turns: str | None = None, model: str = "MODEL"
    ) -> None:
        self.tuning = tuning or Tuning()
        self.turns = turns_of(turns, tuning)
        self.model = model

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return one row per record, or why it has none."""
        return each(records, self.row)

    @abstractmethod
    def row(self, record: Record) -> dict[str, Any]:
        """Write one record; raises `Refusal`."""


def learned(record: Record, turns: Turns) -> list[bool]:
    """Say of every turn whether the tuning of mods learns it; the reply is the last.

    Raises `Refusal` for weights that are neither 0 nor 1, and for a reply that is not learned.
    """
    found = []
    for at, message in enumerate(record.messages):
        last = at == len(record.context)
        counts = message.role == "assistant" and (turns == "all" or last)
        if counts and message.weight not in (None, 0, 1):
            raise Refusal(f"a turn has the weight {message.weight:g}: turns are learned or not")
        found.append(counts and message.weight != 0)
    if not found[-1]:
        raise Refusal("its reply has the weight 0: nothing would be learned from it")
    return found


def refuse_passed_over(learns: Sequence[bool], answers: Sequence[bool], turns: Turns) -> None:
    """Refuse an earlier answer that is not to be learned, where a trainer would learn all."""
    if turns == "all" and list(learns) != list(answers):
        raise Refusal("an earlier answer has the weight 0: all answers are learned, or the last")


def refuse_media(record: Record) -> None:
    """Refuse a record that refers to media."""
    if record.conversation.media or record.reply.media:
        raise Refusal("it refers to media, which need a configuration of their own")


def media_columns(record: Record) -> dict[str, list[str]]:
    """Return the media by column, in order.

    Raises `Refusal` unless every turn marks each of its media in its text (`<image>`): where it
    stands could not be told otherwise.
    """
    columns: dict[str, list[str]] = {}
    for message in record.messages:
        marks = Counter({kind: message.content.count(f"<{kind}>") for kind in PLURAL})
        if +marks != Counter(medium.kind for medium in message.media):
            raise Refusal(
                "its text does not mark where its media stand (<image>, <audio>, <video>)"
            )
        for medium in message.media:
            columns.setdefault(PLURAL[medium.kind], []).append(reference(medium))
    return columns


def reference(medium: Media) -> str:
    """Return the path or address of a medium."""
    if medium.reference.startswith(INLINE):
        raise Refusal(f"an {medium.kind} stands in the row itself, not in a file")
    return medium.reference


def tools_text(record: Record) -> str:
    """Return the tools as one JSON text, each as chat templates expect it; empty without."""
    tools = as_tools(record.conversation.tools)
    if tools is None:
        return ""
    if not all(isinstance(tool, dict) for tool in tools):
        raise Refusal("a tool is no JSON object")
    return json.dumps(tools, ensure_ascii=False)


def arguments_of(arguments: str) -> Any:
    """Return the arguments of a call, which must be a JSON object."""
    try:
        value = json.loads(arguments)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refusal("the arguments of a call of a tool are no JSON object")
    return value


def check_results(record: Record) -> None:
    """Refuse results of tools that are not in the order of the calls, for formats without ids."""
    open_calls: list[tuple[str, str]] = []
    for message in record.messages:
        if message.tool_calls:
            open_calls = [(call.id, call.name) for call in message.tool_calls]
        elif message.role == "tool":
            id, name = open_calls.pop(0) if open_calls else ("", "")
            if message.tool_call_id not in ("", id) or message.name not in ("", name):
                raise Refusal("results of tools are not in the order of the calls")
        else:
            open_calls = []


def odd_parts(message: Message) -> str:
    """Name a part that a turn of that role should not have, if it has one."""
    others = {"assistant": ("tool_call_id", "name"), "tool": ("reasoning", "tool_calls")}
    names = others.get(message.role, ("reasoning", "tool_calls", "tool_call_id", "name"))
    return next((name for name in names if getattr(message, name)), "")


def refuse_odd(
    record: Record, roles: Sequence[str] = ("system", "user", "assistant", "tool")
) -> None:
    """Refuse roles that the trainer does not know, and parts on turns that cannot have them."""
    for message in record.messages:
        if message.role not in roles:
            raise Refusal(f"a turn has the role {message.role!r}")
        if odd_parts(message):
            raise Refusal(f"a turn of the {message.role} has {odd_parts(message)}")


def with_tools(record: Record) -> dict[str, str]:
    """Return the column `tools`, where there are any."""
    tools = tools_text(record)
    return {"tools": tools} if tools else {}

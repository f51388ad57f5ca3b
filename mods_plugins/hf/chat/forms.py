"""The forms in which a conversation may be put to a template, from rich to plain; probes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from mods.records import Conversation, Message, ToolCall, user_text
from mods_plugins.thoughts import told_apart

PROBE = "mods-probe-answer"
"""Stands for an answer where a template is asked how it writes one; no template writes it."""
TOOLS_TEXT = "You may call these tools:\n"
"""What the list of tools starts with where it is put into the system turn."""


class Form(NamedTuple):
    """A conversation as it is put to a template."""

    turns: tuple[Message, ...]
    tools: tuple[str, ...] = ()
    instruction: str = ""
    """The last user turn without its input."""
    input: str = ""

    @property
    def size(self) -> int:
        """Characters of all parts."""
        return sum(_size(turn) for turn in self.turns) + sum(map(len, self.tools))

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides whether a template shows every part, besides the texts."""
        turns = (
            (t.role, bool(t.content.strip()), len(t.tool_calls), bool(t.tool_call_id), bool(t.name))
            for t in self.turns
        )
        return (*turns, len(self.tools), bool(self.input))

    def messages(self, *more: Message) -> list[dict[str, Any]]:
        """Return the turns as templates expect them, the last user turn with its parts."""
        found = [as_message(turn) for turn in (*self.turns, *more)]
        users = [message for message in found if message["role"] == "user"]
        if users and self.input:
            users[-1] |= {"instruction": self.instruction, "input": self.input}
        return found


def _size(turn: Message) -> int:
    return len(turn.text) + len(turn.reasoning)


def forms_of(asked: Conversation) -> Iterator[Form]:
    """Yield the forms of a conversation, the plainest last.

    As it is; with the system turn joined to the one after it and successive turns of one role
    joined; with tools and calls as text; with results of tools as user turns; as one user turn.
    """
    turns = tuple(map(told_apart, asked.turns)) or (Message("user", ""),)
    texted = _with_tools_as_text(turns, asked.tools)
    plain = tuple(map(_plain, texted))
    seen = []
    for some, tools in (
        (turns, asked.tools),
        (_joined(turns), asked.tools),
        (texted, ()),
        (_joined(texted), ()),
        (plain, ()),
        (_joined(plain), ()),
        (_flat(texted), ()),
    ):
        if (some, tools) not in seen:
            seen.append((some, tools))
            yield Form(some, tools, *_parts(some, asked))


def _parts(turns: Sequence[Message], asked: Conversation) -> tuple[str, str]:
    """Return instruction and input of the last user turn, apart where the conversation has them."""
    last = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
    if asked.input and last == user_text(asked.instruction, asked.input):
        return asked.instruction, asked.input
    return last, ""


def _with_tools_as_text(turns: Sequence[Message], tools: Sequence[str]) -> tuple[Message, ...]:
    """Write the list of tools into the system turn, and calls into the text of their turns."""
    found = [turn._replace(content=turn.text, tool_calls=()) for turn in turns]
    if tools:
        listed = TOOLS_TEXT + "\n".join(tools)
        if found and found[0].role == "system":
            found[0] = found[0]._replace(content=f"{found[0].content}\n\n{listed}")
        else:
            found.insert(0, Message("system", listed))
    return tuple(found)


def _plain(turn: Message) -> Message:
    """Make the turn of a role that not every template knows a user turn that names it."""
    if turn.role in ("system", "user", "assistant"):
        return turn
    return Message("user", f"{turn.role}: {turn.content}")


def _joined(context: Sequence[Message]) -> tuple[Message, ...]:
    """Join a system message to the turn after it, and successive plain turns of one role."""
    turns = list(context)
    if len(turns) > 1 and turns[0].role == "system" and turns[1].role == "user":
        turns[:2] = [turns[1]._replace(content=f"{turns[0].content}\n\n{turns[1].content}")]
    joined: list[Message] = []
    for (role, apart), group in groupby(turns, key=lambda t: (t.role, _stands_alone(t))):
        some = list(group)
        if apart or len(some) == 1:
            joined += some
        else:
            joined.append(Message(role, "\n\n".join(turn.content for turn in some)))
    return tuple(joined)


def _stands_alone(turn: Message) -> bool:
    return bool(turn.tool_calls or turn.tool_call_id or turn.reasoning or turn.role == "tool")


def _flat(context: Sequence[Message]) -> tuple[Message, ...]:
    """Make the whole context one user turn."""
    return (Message("user", "\n".join(f"{turn.role}: {turn.content}" for turn in context)),)


def as_message(turn: Message) -> dict[str, Any]:
    """Return a turn as templates expect it: only with the parts that it has."""
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.reasoning:
        # The first name is what most templates read, the second what a few do.
        message |= {"reasoning_content": turn.reasoning, "thinking": turn.reasoning}
    if turn.tool_calls:
        message["tool_calls"] = [_as_call(call) for call in turn.tool_calls]
    for name in ("tool_call_id", "name"):
        if getattr(turn, name):
            message[name] = getattr(turn, name)
    return message


def _as_call(call: ToolCall) -> dict[str, Any]:
    arguments = _parsed(call.arguments)
    function = {"name": call.name, "arguments": arguments}
    named = {"id": call.id} if call.id else {}
    return {**named, "type": "function", "function": function}


def as_tools(tools: Sequence[str]) -> list[Any] | None:
    """Return the tools as templates expect them, each an object with a `function`; None without."""
    return [_as_tool(_parsed(tool)) for tool in tools] or None


def _as_tool(tool: Any) -> Any:
    if isinstance(tool, dict) and "function" not in tool and "name" in tool:
        return {"type": "function", "function": tool}
    return tool


def _parsed(text: str) -> Any:
    """Return the object that a text holds as JSON, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def marked(form: Form) -> tuple[Form, dict[str, str]]:
    """Return a form with marks in place of its texts, and what each mark stands for."""
    marks: dict[str, str] = {}

    def mark(kind: str) -> str:
        text = f"mods-mark-{len(marks)}-x"
        marks[text] = kind
        return text

    turns = [_marked_turn(turn, at, mark) for at, turn in enumerate(form.turns)]
    tools = tuple(
        json.dumps({"name": mark("the list of tools"), "description": "-", "parameters": {}})
        for _ in form.tools
    )
    last = next((at for at in range(len(turns) - 1, -1, -1) if turns[at].role == "user"), None)
    instruction, input = ("", "") if last is None else (turns[last].content, "")
    if last is not None and form.input:
        instruction, input = mark("user turns"), mark("the input")
        marks.pop(turns[last].content, None)
        turns[last] = turns[last]._replace(content=user_text(instruction, input))
    return Form(tuple(turns), tools, instruction, input), marks


def _marked_turn(turn: Message, at: int, mark: Any) -> Message:
    calls = tuple(
        ToolCall("probe", json.dumps({"value": mark("calls of tools")}), f"mods{at:05d}")
        for _ in turn.tool_calls
    )
    kind = {"tool": "results of tools"}.get(turn.role, f"{turn.role} turns")
    content = mark(kind) if turn.content.strip() else turn.content
    back = f"mods{at - 1:05d}" if turn.tool_call_id else ""
    return turn._replace(content=content, tool_calls=calls, tool_call_id=back, reasoning="")


def without_oldest(asked: Sequence[Message]) -> list[Message] | None:
    """Drop the oldest exchange, up to the next user turn; None when only the last one is left."""
    turns = list(asked)
    keep = 1 if turns and turns[0].role == "system" else 0
    later = [i for i in range(keep + 1, len(turns)) if turns[i].role == "user"]
    return turns[:keep] + turns[later[0] :] if later else None

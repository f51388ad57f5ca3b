"""Conversations as a chat endpoint wants them: turns, tools, calls and pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from mods import Conversation, Media, Message, ToolCall, Unscorable
from mods_plugins.hf.chat.forms import as_tools
from mods_plugins.thoughts import told_apart

REMOTE = ("http://", "https://", "data:")
"""What a reference to a picture starts with that may be sent."""


def as_chat(asked: Conversation) -> dict[str, Any] | Unscorable:
    """Return `messages`, and `tools` where there are some, of a request.

    Past thoughts are left out, as chat endpoints want it. Pictures go by their address or as data
    URI; a local file is never read and sent, since a row could name any. `Unscorable` for media
    that cannot be sent.
    """
    unsent = [medium for medium in asked.media if not _can_be_sent(medium)]
    if unsent:
        return Unscorable(
            f"holds {unsent[0].kind} that cannot be sent to a server: only pictures with an http "
            "address or as data URI can"
        )
    calls: deque[str] = deque()
    turns = asked.turns or (Message("user", ""),)
    messages = [_message(told_apart(turn), f"call-{at}", calls) for at, turn in enumerate(turns)]
    tools = as_tools(asked.tools)
    return {"messages": messages, **({"tools": tools} if tools else {})}


def _can_be_sent(medium: Media) -> bool:
    return medium.kind == "image" and medium.reference.startswith(REMOTE)


def _message(turn: Message, name: str, calls: deque[str]) -> dict[str, Any]:
    """Return one turn; `calls` holds the ids of calls whose results are still to come."""
    message: dict[str, Any] = {"role": turn.role, "content": _content(turn)}
    if turn.tool_calls:
        message["tool_calls"] = _calls(turn.tool_calls, name)
        calls.extend(call["id"] for call in message["tool_calls"])
        message["content"] = message["content"] or None
    if turn.role == "tool":
        # A result needs the id of its call; rows without ids give results in the order of calls.
        message["tool_call_id"] = turn.tool_call_id or (calls[0] if calls else name)
        if message["tool_call_id"] in calls:
            calls.remove(message["tool_call_id"])
    return message


def _content(turn: Message) -> str | list[dict[str, Any]]:
    if not turn.media:
        return turn.content
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": medium.reference}} for medium in turn.media
    ]
    return [*parts, {"type": "text", "text": turn.content}] if turn.content else parts


def _calls(calls: Sequence[ToolCall], name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id or f"{name}-{at}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(calls)
    ]

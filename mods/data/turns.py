"""Turns: a list of messages in a field, whatever its keys and roles are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from mods.data.values import RowError, as_list, as_text, is_list
from mods.records import Message
from mods.wording import json_kind, quoted

Turns: TypeAlias = list[Message]

ROLES: Mapping[str, str] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "ai", "bot", "model"), "assistant"),
    **dict.fromkeys(("bing", "bard", "claude", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response"), "tool"),
}
"""The role each name stands for; names are compared in lower case."""


def read_turns(value: Any, where: str) -> Turns:
    """Return the turns of a list of `{role, content}` or `{from, value}` objects."""
    turns = as_list(value, where, "a list of turns")
    if not turns:
        raise RowError(f"{where} is an empty list: there are no turns")
    return [read_turn(turn, f"turn {number} of {where}") for number, turn in enumerate(turns, 1)]


def read_turn(turn: Any, where: str) -> Message:
    """Return one turn as a message, its role normalised."""
    if not isinstance(turn, Mapping):
        raise RowError(f"{where} should be an object, found {json_kind(turn)}")
    if turn.get("tool_calls") or turn.get("function_call"):
        # Without the call the conversation would be another one, so it is not guessed at.
        raise RowError(f"{where} has tool calls, which are not supported: write them as text")
    role_key, text_key = given(turn, "role", "from"), given(turn, "content", "value")
    if role_key is None:
        raise RowError(f"{where} has no role (expected 'role' or 'from')")
    if text_key is None:
        raise RowError(f"{where} has no text (expected 'content' or 'value')")
    name = as_text(turn[role_key], f"'{role_key}' of {where}")
    role = ROLES.get(name.lower())
    if role is None:
        raise RowError(f"{where} has the unknown role {quoted(name)}")
    return Message(role, read_content(turn[text_key], f"'{text_key}' of {where}"))


def given(turn: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first key with a value, else the first that is there at all, else None."""
    there = [key for key in keys if key in turn]
    return next((key for key in there if turn[key] is not None), there[0] if there else None)


def read_content(content: Any, where: str) -> str:
    """Return the text of a turn: a text, or the texts of a list of parts, joined."""
    if not is_list(content):
        return as_text(content, where, "text or a list of text parts")
    return "".join(read_part(part, f"part {i} of {where}") for i, part in enumerate(content, 1))


def read_part(part: Any, where: str) -> str:
    """Return the text of one content part; images, sound and so on are no text."""
    if not isinstance(part, Mapping):
        raise RowError(f"{where} should be an object, found {json_kind(part)}")
    if part.get("type", "text") != "text":
        raise RowError(f"{where} is no text but {quoted(part['type'])}, which is not supported")
    return as_text(part.get("text"), where)

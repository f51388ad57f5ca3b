"""Turns: a list of messages in any of the forms that data sets have them, as `Message`s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from mods.data.tools import REFERENCES, MediaKind, are_calls, read_calls, read_media
from mods.data.values import (
    RowError,
    as_list,
    as_text,
    as_weight,
    is_empty,
    is_list,
    opened,
    rows_of,
)
from mods.records import Media, Message
from mods.wording import json_kind, quoted

Turns: TypeAlias = list[Message]

ROLES: Mapping[str, str] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "ai", "bot", "model"), "assistant"),
    **dict.fromkeys(("bing", "bard", "claude"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response", "ipython"), "tool"),
}
"""The role each name stands for; names are compared in lower case, without spaces around."""
CALLS = ("function_call", "tool_call", "tool_calls")
"""Roles of turns whose text is a tool call of the assistant."""

ROLE = ("role", "from", "speaker", "author")
TEXT = ("content", "value", "text", "message", "refusal")
REASONING = ("reasoning_content", "reasoning", "thinking")
TOOL_CALLS = ("tool_calls", "function_call")
MEDIA: Mapping[str, MediaKind] = {
    "image": "image", "images": "image", "image_url": "image", "input_image": "image",
    "audio": "audio", "audios": "audio", "audio_url": "audio", "input_audio": "audio",
    "video": "video", "videos": "video", "video_url": "video",
}  # fmt: skip
WEIGHTS = ("weight", "loss", "train")
READ = {*ROLE, *TEXT, *REASONING, *TOOL_CALLS, *MEDIA, *WEIGHTS, "tool_call_id", "name"}
"""Every key of a turn that is read."""
ASKED = ("human", "user", "question", "query", "prompt", "instruction", "input", "q")
ANSWERED = (
    "assistant", "gpt", "bot", "ai", "model", "answer", "response", "output", "completion", "a",
)  # fmt: skip
"""Keys of objects that hold a question and its answer."""

THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*(.*)", re.DOTALL)
UNOPENED = re.compile(r"((?:(?!<think>).)*?)</think>\s*(.*)", re.DOTALL)
"""Thoughts whose `<think>` stood in the prompt of the model that wrote them."""


def read_turns(value: Any, where: str) -> Turns:
    """Return the turns of a list of messages, pairs or alternating texts.

    Also of an object of lists, and of either as JSON in a text. Empty system turns are no turns.
    """
    value = opened(value, where)
    if isinstance(value, Mapping):
        value = rows_of(value) or [dict(value)]
    items = as_list(value, where, "a list of turns")
    if not items:
        raise RowError(f"{where} is an empty list: there are no turns")
    if all(isinstance(item, str) for item in items):
        roles = ("user", "assistant")
        return [
            Message(roles[number % 2], as_text(text, f"turn {number + 1} of {where}"))
            for number, text in enumerate(items)
        ]
    turns: Turns = []
    for number, item in enumerate(items, 1):
        turns += read_item(item, f"turn {number} of {where}")
    return turns


def unread(turns: Any) -> set[str]:
    """Return the keys of messages that hold something and are not read."""
    if not is_list(turns):
        return set()
    return {
        str(key)
        for turn in turns
        if isinstance(turn, Mapping) and not turn.keys() <= READ
        for key, value in turn.items()
        if key not in READ and str(key).lower() not in (*ASKED, *ANSWERED) and not is_empty(value)
    }


def read_item(item: Any, where: str) -> Turns:
    """Return the turns of one item: a message, or a question with its answer."""
    if is_list(item):
        return read_pair(item, where)
    if not isinstance(item, Mapping):
        raise RowError(f"{where} should be an object, found {json_kind(item)}")
    if key_of(item, ROLE) is None:
        keys = {str(key).strip().lower(): key for key in item}
        asked, answered = (next((keys[k] for k in x if k in keys), None) for x in (ASKED, ANSWERED))
        if asked is not None and answered is not None:
            return read_pair((item[asked], item[answered]), where)
        raise RowError(f"{where} has no role (expected 'role' or 'from')")
    turn = read_message(item, where)
    return [] if turn.role == "system" and not turn.content.strip() else [turn]


def read_pair(pair: Any, where: str) -> Turns:
    """Return a question and its answer."""
    if len(pair) != 2:
        raise RowError(f"{where} should be a pair of texts, found {len(pair)} items")
    return [Message("user", as_text(pair[0], where)), reply(as_text(pair[1], where))]


def reply(text: str, **parts: Any) -> Message:
    """Return a turn of the assistant; thoughts that stand before the answer are told apart."""
    if "</think>" in text:
        found = THOUGHT.fullmatch(text) or UNOPENED.fullmatch(text)
        thought = found[1].strip("\n") if found else ""
        if found and parts.get("reasoning", thought).strip() == thought.strip():
            return Message("assistant", found[2], **{**parts, "reasoning": thought})
    return Message("assistant", text, **parts)


def read_message(turn: Mapping[str, Any], where: str) -> Message:
    """Return one message, its role normalised."""
    role_key = key_of(turn, ROLE)
    assert role_key is not None
    name = as_text(turn[role_key], f"'{role_key}' of {where}").strip().lower()
    if name in CALLS:
        text_key = key_of(turn, TEXT) or TEXT[0]
        value, weight = turn.get(text_key), read_weight(turn, where)
        if isinstance(value, str) and not are_calls(value):  # a call in a notation of its own
            return Message("assistant", as_text(value, where), weight=weight)
        calls = read_calls(value, f"'{text_key}' of {where}")
        return Message("assistant", "", tool_calls=calls, weight=weight)
    role = ROLES.get(name)
    if role is None:
        raise RowError(f"{where} has the unknown role {quoted(turn[role_key])}")
    text, media = read_content(turn, role, where)
    parts = read_parts(turn, where)
    media += parts.pop("media", ())
    if role == "assistant":
        return reply(text, media=media, **parts)
    return Message(role, text, media=media, **parts)


def read_parts(turn: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return what a message has besides role and content."""
    parts: dict[str, Any] = {}
    for key in turn:
        value = turn[key]
        if key in ROLE or key in TEXT or is_empty(value):
            continue
        place = f"'{key}' of {where}"
        if key in REASONING:
            parts["reasoning"] = as_text(value, place)
        elif key in TOOL_CALLS:
            parts["tool_calls"] = read_calls(value, place)
        elif key in MEDIA:
            parts["media"] = parts.get("media", ()) + read_media(value, MEDIA[key], place)
        elif key in ("tool_call_id", "name"):
            parts[key] = as_text(value, place)
    weight = read_weight(turn, where)
    if weight is not None:
        parts["weight"] = weight
    return parts


def read_weight(turn: Mapping[str, Any], where: str) -> float | None:
    """Return the training weight of a turn, 0 or more; None where it has none."""
    for key in WEIGHTS:
        if not is_empty(turn.get(key)):
            return as_weight(turn[key], f"'{key}' of {where}")
    return None


def key_of(turn: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the first key with a value, else the first that is there at all, else None."""
    there = [key for key in keys if key in turn]
    return next((key for key in there if turn[key] is not None), there[0] if there else None)


def read_content(turn: Mapping[str, Any], role: str, where: str) -> tuple[str, tuple[Media, ...]]:
    """Return the text of a message and the media among its parts."""
    key = key_of(turn, TEXT)
    value = turn.get(key) if key else None
    if value is None:
        if role == "system" or any(not is_empty(turn.get(k)) for k in (*TOOL_CALLS, *REASONING)):
            return "", ()
        raise RowError(f"{where} has no text (expected 'content' or 'value')")
    place = f"'{key}' of {where}"
    if isinstance(value, Mapping):
        value = [value]
    if not is_list(value):
        return as_text(value, place, "text or a list of parts"), ()
    texts: list[str] = []
    media: list[Media] = []
    for number, part in enumerate(value, 1):
        text, seen = read_part(part, f"part {number} of {place}")
        texts.append(text)
        media += seen
    return "".join(texts), tuple(media)


def read_part(part: Any, where: str) -> tuple[str, tuple[Media, ...]]:
    """Return the text of one content part, or the medium it refers to."""
    if isinstance(part, str):
        return as_text(part, where), ()
    if not isinstance(part, Mapping):
        raise RowError(f"{where} should be an object, found {json_kind(part)}")
    kind = part.get("type", "text")
    if kind in MEDIA:
        value = next((part[k] for k in (kind, *MEDIA) if not is_empty(part.get(k))), None)
        if value is None and not any(part.get(key) for key in REFERENCES):
            return "", ()  # says where a medium belongs that stands in a column
        return "", read_media(part if value is None else value, MEDIA[kind], where)
    if kind in ("text", "input_text", "output_text"):
        return as_text(part.get("text"), where), ()
    raise RowError(f"{where} is no text but {quoted(kind)}, which is not supported")

"""Tools, tool calls and media in the forms that rows have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from mods.data.values import RowError, as_text, is_empty, is_list, opened
from mods.records import Media, ToolCall
from mods.wording import json_kind

MediaKind = Literal["image", "audio", "video"]


def read_tools(value: Any, where: str) -> tuple[str, ...]:
    """Return the tools offered, each a JSON schema as text: a list, one object, or JSON text."""
    value = opened(value, where)
    tools = value if is_list(value) else [value]
    return tuple(_as_json_text(tool, f"tool {number} of {where}") for number, tool in
                 enumerate(tools, 1))  # fmt: skip


def read_calls(value: Any, where: str) -> tuple[ToolCall, ...]:
    """Return tool calls: OpenAI's objects, `{name, arguments}`, one of them or JSON text."""
    value = opened(value, where)
    calls = value if is_list(value) else [value]
    return tuple(_read_call(call, where) for call in calls)


def are_calls(text: str) -> bool:
    """Say whether a text is JSON of tool calls."""
    try:
        read_calls(text, "")
    except RowError:
        return False
    return True


def looks_like_calls(value: Any) -> bool:
    """Say whether a value is a list of objects with a name and arguments."""
    if isinstance(value, str):
        if not value.lstrip().startswith("["):
            return False
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False
    return (
        is_list(value)
        and len(value) > 0
        and all(
            isinstance(call, Mapping) and {"name", "arguments"} <= call.keys() for call in value
        )
    )


def _read_call(call: Any, where: str) -> ToolCall:
    if not isinstance(call, Mapping):
        raise RowError(f"a tool call of {where} should be an object, found {json_kind(call)}")
    function = call.get("function", call)
    if not isinstance(function, Mapping) or is_empty(function.get("name")):
        raise RowError(f"a tool call of {where} has no name")
    arguments = function.get("arguments", function.get("parameters"))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    id = call.get("id")
    return ToolCall(as_text(function["name"], f"the name of a tool call of {where}"), text,
                    "" if is_empty(id) else str(id))  # fmt: skip


def _as_json_text(tool: Any, where: str) -> str:
    if isinstance(tool, str):
        return as_text(tool, where)
    if not isinstance(tool, Mapping):
        raise RowError(f"{where} should be an object, found {json_kind(tool)}")
    return json.dumps(tool, ensure_ascii=False)


REFERENCES = ("bytes", "url", "path", "data", "file")
"""Keys of objects that hold a medium or say where it is."""


def read_media(value: Any, kind: MediaKind, where: str) -> tuple[Media, ...]:
    """Return references to media: a path or address, an object that holds one, or a list."""
    items = value if is_list(value) else [value]
    return tuple(Media(kind, _reference(item, where)) for item in items if not is_empty(item))


def _reference(item: Any, where: str) -> str:
    """Return the name of a medium; content that stands in the row is named by its hash."""
    if isinstance(item, str):
        return as_text(item, where)
    if isinstance(item, (bytes, bytearray)):
        return f"sha256:{hashlib.sha256(item).hexdigest()}"
    if hasattr(item, "tobytes"):  # a picture that `datasets` has decoded
        return _reference(item.tobytes(), where)
    if isinstance(item, Mapping):
        for key in REFERENCES:
            if not is_empty(item.get(key)):
                return _reference(item[key], where)
    raise RowError(f"{where} should be a path, an address or content, found {json_kind(item)}")

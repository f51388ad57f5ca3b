"""What a chat server said: an answer, or which kind of failure it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from mods import Message, ToolCall
from mods.wording import printable, shorten
from mods_plugins.thoughts import CLOSE, OPEN, block, well_formed

BUSY = (408, 409, 425, 429, 502, 503, 504, 529)
"""Statuses of a server that has no room or is not there yet: nothing is wrong with the row."""
OF_THE_ROW = (400, 413, 422)
"""Statuses that may be the fault of one request."""
_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|max(imum)?.{0,20}(model|prompt|input).{0,10}(len|tokens)"
    r"|too (long|many tokens)|reduce the length",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content.?(filter|policy|management)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """An answer."""

    text: str
    """Thoughts, if any, in one block before the answer; calls of tools as JSON, one a line."""
    cut: bool
    """Whether the answer ends where the server stopped it (`finish_reason` length)."""
    tokens: int
    """Tokens read and written, as the server counts them; 0 where it does not say."""
    model: str
    """What the server calls the model that answered; empty where it does not say."""


class Refused(Exception):
    """The server will not answer this request, however often it is asked."""

    def __init__(self, reason: str, *, certain: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.certain = certain
        """Whether it is the row's doing: a bad option of ours is refused in the same way."""


class Failed(Exception):
    """No answer this time."""

    def __init__(
        self, reason: str, *, busy: bool = False, late: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.busy = busy
        """Whether the server says that it has no room: nothing that a row can bring about."""
        self.late = late
        """Whether it took too long."""
        self.wait = wait
        """Seconds that the server asks to wait."""


class Denied(Exception):
    """The server answers nobody like this: a wrong key, address or model."""


def read_reply(body: bytes) -> Reply:
    """Read the body of a successful answer.

    Raises `Refused` if the model or a filter refused to answer, `Failed` for a body that is cut,
    is no JSON (NaN is none), or holds no answer.
    """
    try:
        found = orjson.loads(body)
        choices = [choice for choice in found["choices"] if choice.get("index", 0) == 0]
        (choice,) = choices
        message = choice["message"]
        answer = Message(
            "assistant", _text(message.get("content")), tool_calls=_calls(message)
        ).text
        thoughts = _text(message.get("reasoning_content") or message.get("reasoning"))
        refusal = _text(message.get("refusal"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failed(f"an answer that cannot be read: {excerpt(body)}") from error
    reason = choice.get("finish_reason")
    if refusal:
        raise Refused(f"the model refused to answer: {shorten(refusal, 200)}")
    if reason == "content_filter":
        raise Refused("the server's content filter stopped the answer")
    usage = found.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else 0
    name = found.get("model")
    return Reply(
        _whole(thoughts, answer, reason == "length"),
        reason == "length",
        tokens if type(tokens) is int and tokens > 0 else 0,
        name if isinstance(name, str) else "",
    )


def _text(value: Any) -> str:
    """Return a text, empty for null; `TypeError` for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a text")
    return value


def _calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    return tuple(ToolCall(_text(f["name"]), _text(f["arguments"])) for f in functions)


def _whole(thoughts: str, answer: str, stopped: bool) -> str:
    """Put thoughts before the answer; those that were stopped before they ended stay open."""
    if not thoughts.strip():
        # A template may open the block in the prompt: then only its end is in the answer.
        return well_formed(answer, opened=CLOSE in answer and OPEN not in answer)
    if stopped and not answer:
        return f"{OPEN}\n{thoughts.strip()}"
    return block(thoughts) + answer


def failure(status: int, body: bytes, wait: float | None) -> Exception:
    """Return what an answer with another status than 200 means: one of the errors of this file."""
    told = _told(body)
    what = f"HTTP {status}{f': {told}' if told else ''}"
    if status in BUSY and not ("insufficient_quota" in told or b"insufficient_quota" in body):
        return Failed(what, busy=True, wait=wait)
    if status >= 500:
        return Failed(what, wait=wait)
    if status in OF_THE_ROW:
        if _TOO_LONG.search(told):
            return Refused(f"too long for the server ({what})")
        if _FILTERED.search(told) or b"content_filter" in body:
            return Refused(f"refused by the server's content filter ({what})")
        return Refused(f"refused by the server ({what})", certain=False)
    if status in (401, 403):
        return Denied(f"HTTP {status}: the key is refused")  # what it says may hold the key
    return Denied(what)


def _told(body: bytes) -> str:
    """Return the message of an error, in one short line."""
    try:
        found = orjson.loads(body)
    except ValueError:
        return excerpt(body)
    for name in ("error", "detail", "message"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    if isinstance(found, dict):
        found = found.get("message", found)
    return shorten(found, 300) if not isinstance(found, str) else _line(found)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body in one line, to be quoted."""
    return _line(body[:300].decode("utf-8", "replace"))


def _line(text: str) -> str:
    return printable(" ".join(text.split()))[:200]

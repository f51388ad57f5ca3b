"""What a server is asked through: where, how a plain question reads, what is made of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import orjson

from mods import Unscorable
from mods_plugins.openai.replies import Failed, Refused, excerpt, read_reply

Fields = Mapping[str, Any]
"""Fields of a request."""


class Answered(Protocol):
    """What an answer says besides what was asked for."""

    @property
    def tokens(self) -> int:
        """Tokens read and written, as the server counts them; 0 where it does not say."""
        ...

    @property
    def model(self) -> str:
        """What the server calls the model that answered; empty where it does not say."""
        ...


Said = TypeVar("Said", bound=Answered)


Done: TypeAlias = Callable[[int, Said | Unscorable], object]
"""Is told a reply, or why there is none, with its place among the requests."""


@dataclass(frozen=True)
class Endpoint(Generic[Said]):
    """One thing that a server does."""

    path: str
    """What follows the address of the server."""
    probe: Fields
    """A plain question: asked where a failure may be the row's doing or the server's."""
    read: Callable[[bytes], Said]
    """Reads the body of an answer; raises `Refused` or `Failed`."""


@dataclass(frozen=True)
class Written:
    """What a model wrote after a prompt that was sent as token ids."""

    ids: tuple[int, ...]
    tokens: int
    model: str


@dataclass(frozen=True)
class Score:
    """What a reward model gave one row."""

    value: float
    tokens: int
    model: str


def read_written(body: bytes) -> Written:
    """Read an answer of `/completions` that was asked for token ids (`return_token_ids`)."""
    found = _table(body)
    try:
        (choice,) = found["choices"]
        ids = choice["token_ids"]
    except (ValueError, TypeError, KeyError) as error:
        raise Failed(f"an answer without token ids: {excerpt(body)}") from error
    if not isinstance(ids, list) or not all(type(one) is int and one >= 0 for one in ids):
        raise Failed(f"an answer without token ids: {excerpt(body)}")
    return Written(tuple(ids), *_usage(found))


def read_pooled(body: bytes) -> Score:
    """Read an answer of vLLM's `/pooling`: one row, one number."""
    found = _table(body)
    try:
        (row,) = found["data"]
        values = row["data"]
    except (ValueError, TypeError, KeyError) as error:
        raise Failed(f"an answer that cannot be read: {excerpt(body)}") from error
    return Score(_number(values, body), *_usage(found))


def read_classified(body: bytes) -> Score:
    """Read an answer of SGLang's `/classify`: one row, one number under `embedding`."""
    try:
        found = orjson.loads(body)
        (row,) = found if isinstance(found, list) else [found]
        values, meta = row["embedding"], row.get("meta_info")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failed(f"an answer that cannot be read: {excerpt(body)}") from error
    read = meta.get("prompt_tokens") if isinstance(meta, dict) else 0
    return Score(_number(values, body), read if type(read) is int and read > 0 else 0, "")


def _table(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise Failed(f"an answer that cannot be read: {excerpt(body)}") from error
    if not isinstance(found, dict):
        raise Failed(f"an answer that cannot be read: {excerpt(body)}")
    return found


def _number(values: Any, body: bytes) -> float:
    """Return the one number of a row; a model with several outputs, or NaN (null), has none."""
    if isinstance(values, list) and len(values) > 1:
        raise Refused(f"{len(values)} numbers for one row, where a reward model gives one")
    if values == [None]:
        raise Refused("the reward model gave no finite number")
    if not isinstance(values, list) or [type(v) in (int, float) for v in values] != [True]:
        raise Failed(f"an answer that cannot be read: {excerpt(body)}")
    return float(values[0])


def _usage(found: dict[str, Any]) -> tuple[int, str]:
    """Return the tokens that a server counted, and what it calls the model."""
    usage, name = found.get("usage"), found.get("model")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else 0
    return (
        tokens if type(tokens) is int and tokens > 0 else 0,
        name if isinstance(name, str) else "",
    )


CHAT = Endpoint(
    "/chat/completions", {"messages": [{"role": "user", "content": "Say OK."}]}, read_reply
)
"""A conversation is answered."""
COMPLETIONS = Endpoint("/completions", {"prompt": "Say OK."}, read_written)
"""A prompt is gone on with."""
POOLING = Endpoint("/pooling", {"input": "Say OK."}, read_pooled)
"""A row is rated by a sequence classifier that vLLM serves."""
CLASSIFY = Endpoint("/classify", {"text": "Say OK."}, read_classified)
"""Likewise by one that SGLang serves."""

"""A chat server as it is named in the options: address, model, key, limits; and its model list."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from mods import SettingsError
from mods.wording import quoted, suggest

KEY = "OPENAI_API_KEY"
"""The variable that holds the key, unless `key_env` names another; a local server needs none."""
DATED = re.compile(r"(-\d{4}(-?\d{2}){0,2}|[-:]latest|@main)$")
"""What a server adds to the name of a model: a date, a branch, or that it is the latest."""
HIDDEN = "[key]"
SECRET = 12
"""A key has so many characters at least; shorter ones stand in for none (`EMPTY`)."""


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible endpoint, and how it is asked."""

    base_url: str
    """Up to what stands before `/chat/completions`, e.g. `http://127.0.0.1:8000/v1`."""
    model: str
    """As the server calls it."""
    served_as: str = ""
    """The name under which it answers, where that is another one."""
    key_env: str = ""
    """The environment variable with the key, where it is not `OPENAI_API_KEY`."""
    concurrency: int = 32
    """Requests under way at once, at most."""
    retries: int = 6
    """Times that a request is sent again."""
    timeout: float = 600.0
    """Seconds for one whole answer."""

    def __post_init__(self) -> None:
        """Check what can be checked without asking; no message repeats what may be a key."""
        url = urlsplit(str(self.base_url))
        if url.username or url.password or url.query or url.fragment:
            raise SettingsError(
                "the address of a server holds no key, user or query: put the key into the "
                f"environment variable {KEY}, or name another one with `key_env`"
            )
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SettingsError(
                f"{quoted(self.base_url)} is no address of a server: http://HOST:PORT/v1"
            )
        if self.key_env and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", str(self.key_env)):
            raise SettingsError(
                "`key_env` is the name of an environment variable (capitals, digits, _), not a key"
            )
        if not isinstance(self.model, str) or not self.model:
            raise SettingsError("which model? Write model=NAME, as the server calls it")
        for name, least in (("concurrency", 1), ("retries", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise SettingsError(f"`{name}` is a whole number from {least}, not {value!r}")
        if not isinstance(self.timeout, (int, float)) or not self.timeout > 0:
            raise SettingsError(f"`timeout` is a number of seconds above 0, not {self.timeout!r}")

    @property
    def root(self) -> str:
        """The address without a slash at its end."""
        return self.base_url.rstrip("/")

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers: the model, and who serves it under that name."""
        return {"server": self.root, "model": self.model}

    def key(self) -> str:
        """Return the key, empty where the environment has none; `SettingsError` if it was named."""
        found = os.environ.get(self.key_env or KEY, "").strip()
        if self.key_env and not found:
            raise SettingsError(f"the environment variable {self.key_env} (`key_env`) is not set")
        if not found.isascii() or not found.isprintable():
            raise SettingsError(f"{self.key_env or KEY} holds no key: it has characters no key has")
        return found

    def headers(self) -> dict[str, str]:
        """Return the headers of a request."""
        key = self.key()
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        return {**sent, **({"Authorization": f"Bearer {key}"} if key else {})}

    def hiding(self, text: str) -> str:
        """Return a text of the server without the key, should it repeat it."""
        key = self.key()
        return text.replace(key, HIDDEN) if len(key) >= SECRET else text

    def knows(self, answered: str) -> bool:
        """Say whether an answer comes from the model that was asked.

        Servers answer under a dated, a shorter or a longer name of the same model
        (`NAME-2026-01-01`, `NAME:latest`, `NAME` for `owner/NAME`).
        """
        if not answered or answered == self.served_as:
            return True
        asked, found = (DATED.sub("", name.casefold()) for name in (self.model, answered))
        same = found == asked or asked.endswith(f"/{found}") or found.endswith(f"/{asked}")
        return same and not self.served_as

    def check_listed(self, body: bytes) -> None:
        """Raise `SettingsError` if the server's list of models (`/models`) lacks this one.

        A list in another form says nothing.
        """
        try:
            names = [str(entry["id"]) for entry in orjson.loads(body)["data"]]
        except (ValueError, TypeError, KeyError):
            return
        if names and self.model not in names:
            some = ", ".join(map(quoted, names[:10])) + (", …" if len(names) > 10 else "")
            raise SettingsError(
                f"the server {self.root} has no model {quoted(self.model)}"
                f"{suggest(self.model, names)}; it serves {some}: name one with model=NAME"
            )


def extra_fields(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the option `extra`, further fields of a request: a table, or one as JSON text."""
    try:
        found = orjson.loads(given) if isinstance(given, str) else given or {}
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise SettingsError('`extra`: expected a table, or one as JSON text: {"top_p": 0.9}')
    for name in ("model", "messages", "tools", "n", "stream"):
        if name in found:
            raise SettingsError(f"`extra` cannot set {name!r}")
    return dict(found)

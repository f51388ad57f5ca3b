"""A plug-in asked for by name, with its options: `NAME` or `NAME:key=value,…`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mods.errors import SettingsError


@dataclass(frozen=True)
class Choice:
    """A name and options. The given model is one, too: its path or hub id, and how to load it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an option that a table of settings could not hold."""
        if "name" in self.options:
            raise SettingsError(f"{self.name}: `name` is the plug-in itself, never an option of it")

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Read `NAME` or `NAME:key=value,…`; values are TOML scalars, else plain text."""
        match = re.fullmatch(r"(.+?)(?::(\w+=.*))?", text.strip(), re.DOTALL)
        if match is None:
            raise SettingsError("an empty plug-in name; expected NAME or NAME:key=value,…")
        name, options = match.groups()
        pairs = re.split(r",(?=\w+=)", options) if options else []
        return cls(name, {key: parse_value(value) for key, value in map(split_pair, pairs)})

    @classmethod
    def read(cls, value: Any, where: str) -> Choice:
        """Read a choice from text, a path, or a table with `name`; errors name `where`."""
        if isinstance(value, Choice):
            return value
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Mapping) and isinstance(value.get("name"), str):
            return cls(value["name"], {k: v for k, v in value.items() if k != "name"})
        raise SettingsError(f"{where}: expected 'NAME:key=value,…' or a table with `name`")

    def over(self, below: Choice | None) -> Choice:
        """Lay this choice over another: the same plug-in keeps the options it had."""
        if below is None or below.name != self.name:
            return self
        return Choice(self.name, {**below.options, **self.options})

    def with_option(self, option: str, value: Any) -> Choice:
        """Return the choice with one more option."""
        return Choice(self.name, {**self.options, option: value})

    def as_dict(self) -> dict[str, Any]:
        """Return the table that `read` reads."""
        return {"name": self.name, **self.options}

    def __str__(self) -> str:
        """Write it the way `parse` reads it."""
        options = ",".join(f"{key}={spelt(value)}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def split_pair(text: str) -> tuple[str, str]:
    """Split `key=value`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"{text!r} is not key=value")
    return key.strip(), value.strip()


def parse_value(text: str) -> Any:
    """Read a TOML scalar (`3`, `0.5`, `true`); anything else is text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("\"'")


def spelt(value: Any) -> str:
    """Write a value the way `parse_value` reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

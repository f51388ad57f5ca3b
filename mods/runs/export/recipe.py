"""The settings of a run as a recipe: TOML that `mods run --recipe` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def recipe_of(settings: Mapping[str, Any]) -> str:
    """Write settings, as the manifest holds them, as TOML.

    A template stands in the manifest by its hash: the recipe names that in a comment, and needs
    the template itself to be put in.
    """
    plain = {name: value for name, value in settings.items() if value is not None}
    tables = {name: value for name, value in plain.items() if isinstance(value, Mapping)}
    lines = [pair(name, value) for name, value in plain.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{key(name)}]"]
        lines += [pair(inner, value) for inner, value in table.items() if value is not None]
    return "\n".join(lines) + "\n"


def pair(name: str, value: Any) -> str:
    """Write one `key = value`."""
    if name == "template" and str(value).startswith("sha256:"):
        return f"# {name}: a file or Jinja text with the hash {value}; put it here"
    return f"{key(name)} = {toml(value)}"


def key(name: str) -> str:
    """Write a key, quoted where TOML asks for that."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def toml(value: Any) -> str:
    """Write a value; texts, numbers and truths look in TOML as they do in JSON."""
    if isinstance(value, Mapping):
        inner = (f"{key(k)} = {toml(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

"""Model folders that bring code of their own: refused before anything of them is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mods.errors import ModsError
from mods_plugins.hf.loading import explained, quiet
from mods_plugins.hf.locate import locate

OWN = ("sentence_transformers.", "transformers.")
"""Where the classes of an encoder's modules may come from."""
ACTIVATIONS = ("torch.nn.",)
"""Where its activation functions may come from."""
NAMED = {"type": OWN, "types": OWN, "activation_function": ACTIVATIONS}
"""The keys under which the files of an encoder name classes, which are imported and called."""
FILES = ("modules.json", "router_config.json", "config_sentence_transformers.json")
"""The files of a hub repository that may name them."""


def refuse_foreign_code(model: str, revision: str | None = None) -> None:
    """Refuse a sentence encoder whose files name classes of others; raises `ModsError`.

    Some versions of sentence-transformers import and call whatever class is named there, one that
    lies beside it in the folder included.
    """
    for file in _files(model, revision):
        for key, name in _names(_read(file)):
            if not name.startswith(NAMED[key]):
                raise ModsError(
                    f"{model}: its file {file.name} names the class {name!r}; code that comes with "
                    "a model is never run: choose an encoder made of the library's own modules"
                )


def _files(model: str, revision: str | None) -> Iterator[Path]:
    """Yield the JSON files that may name classes: all of a folder, the known ones of a hub id."""
    folder = Path(locate(model))
    if folder.exists():
        yield from sorted(folder.rglob("*.json"))
        return
    from transformers.utils.hub import cached_file

    for name in FILES:
        with explained(model), quiet():
            found = cached_file(
                model,
                name,
                revision=revision,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
        if found is not None:
            yield Path(found)


def _read(file: Path) -> Any:
    """Return what a JSON file holds; nothing where it is none, as then nobody can read it."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _names(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names of classes in a value, with the key they stand under."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _names(item, name if name in NAMED else key if key == "types" else "")
    elif isinstance(value, list):
        for item in value:
            yield from _names(item, key)
    elif isinstance(value, str) and key in NAMED and "." in value:
        yield key, value

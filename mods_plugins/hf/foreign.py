"""Models that bring code of their own: they are refused before anything of them is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mods.errors import ModsError
from mods_plugins.hf.loading import explained, quiet
from mods_plugins.hf.locate import locate

OWN = ("sentence_transformers", "transformers", "torch.nn")
"""Where the classes of a model may come from."""
MODULES = "modules.json"
CLASS_FILES = (MODULES, "config.json", "config_sentence_transformers.json", "router_config.json")
"""Files at the top of a repository that may name classes; in a folder all configs are read."""


def check_classes(model: str, revision: str | None = None) -> None:
    """Refuse a sentence encoder that names classes of its own, in the folder or on the hub.

    Raises `ModsError` naming the class and the file.
    """
    for file in _files(model, revision):
        for name in classes_in(_json(file)):
            if not name.startswith(tuple(f"{own}." for own in OWN)):
                raise ModsError(
                    f"{model}: {file.name} names the class {name!r}, which is neither of "
                    "sentence-transformers nor of transformers: the model brings its own code, "
                    "which is not run; choose another model"
                )


def classes_in(value: Any) -> Iterator[str]:
    """Yield every class that a configuration names."""
    if isinstance(value, list):
        for item in value:
            yield from classes_in(item)
    elif isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and {"idx", "path"} & value.keys():  # an entry of modules.json
            yield kind
        for name in ("auto_map", "types"):
            yield from _named(value.get(name), code=name == "auto_map")
        for name in ("tokenizer_class", "activation_function"):
            dotted = value.get(name)
            if isinstance(dotted, str) and "." in dotted:
                yield dotted
        for item in value.values():
            yield from classes_in(item)


def _named(value: Any, *, code: bool) -> Iterator[str]:
    """Yield the classes of a table of classes; those of `auto_map` are code in any case."""
    if isinstance(value, dict):
        for found in value.values():
            for name in found if isinstance(found, list) else [found]:
                if isinstance(name, str):
                    yield f"{name} (its own code)" if code else name


def _files(model: str, revision: str | None) -> Iterator[Path]:
    """Yield the files that may name classes, those of modules in the folder included."""
    found = Path(locate(model))
    if found.is_dir():
        yield from sorted({*found.rglob("*config*.json"), *found.rglob(MODULES)})
        return
    from transformers.utils.hub import cached_file

    for name in CLASS_FILES:
        with explained(model), quiet():
            file = cached_file(
                model,
                name,
                revision=revision,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
        if file is not None:
            yield Path(file)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModsError(f"{file} is not JSON: {error}") from error

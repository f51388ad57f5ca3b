"""Which weights the name of a model stands for, the same on every machine."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from mods.errors import ModsError
from mods.files import file_digest
from mods_plugins.hf.adapters import base_of
from mods_plugins.hf.loading import explained, quiet
from mods_plugins.hf.locate import PACKAGE, locate

IDENTITY_FILES = ("*.safetensors", "*.bin", "*.gguf", "*.json", "*.model", "*.jinja", "*.txt")
"""The files of a model folder that decide what it computes."""
REMEMBERED = 256
"""How many digests of files are kept: more than the shards of any model, and they are small."""


def model_identity(model: str, revision: str | None = None) -> dict[str, Any]:
    """Say which weights a name stands for, the same on every machine.

    A hub id gives its commit; a folder, a file or a packaged model the SHA-256 over its weight,
    config and tokenizer files, and an adapter that of its base, too. No path of the machine is in
    it. Raises `ModsError` if there are no such files, or if the hub neither answers nor has been
    asked before.
    """
    found = Path(locate(model))
    if not found.exists():
        return {"model": model, "revision": _commit(model, revision)}
    name = model if model.startswith(PACKAGE) else found.resolve().name
    base = base_of(model)
    under = {} if base is None else {"base": model_identity(base.model, base.revision)}
    return {"model": name, "sha256": folder_digest(found), **under}


def folder_digest(path: Path) -> str:
    """Return the SHA-256 over a model file, or over the model files of a folder and their paths.

    64 hexadecimal digits. Folders in the folder count, since sentence-transformers keeps layers
    there; hidden ones do not. Raises `ModsError` if the folder has none.
    """
    if path.is_file():
        return _remembered_digest(path, path.stat().st_size, path.stat().st_mtime_ns)
    files = _model_files(path)
    if not files:
        raise ModsError(f"{path} has no model files (looked for {', '.join(IDENTITY_FILES)})")
    lines = [f"{name} {folder_digest(files[name])}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _model_files(folder: Path) -> dict[str, Path]:
    """Return the model files of a folder by their path in it, the same on every system."""
    found = {file for pattern in IDENTITY_FILES for file in folder.rglob(pattern)}
    names = {file.relative_to(folder).as_posix(): file for file in found if file.is_file()}
    return {name: file for name, file in names.items() if "/." not in f"/{name}"}


@lru_cache(maxsize=REMEMBERED)
def _remembered_digest(path: Path, size: int, changed: int) -> str:
    """Hash a file once; `size` and `changed` make a changed file a new entry."""
    return file_digest(path)


def _commit(model: str, revision: str | None) -> str:
    """Return the commit hash of a hub model, online or from the local cache."""
    if revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    from transformers.utils.hub import cached_file, extract_commit_hash

    with explained(model), quiet():
        file = cached_file(model, "config.json", revision=revision)
        commit = extract_commit_hash(file, None)
    if commit is None:
        raise ModsError(
            f"{model}: cannot tell which revision this is; set `revision` to the hash of a commit"
        )
    return str(commit)

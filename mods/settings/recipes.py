"""Recipes and other TOML files of settings."""

from __future__ import annotations

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
        return parse_toml(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error}") from error


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML; `SettingsError` names the place."""
    try:
        loaded: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: {error}") from error
    return loaded

"""Settings in layers: recipe, TOML file, command line, each over the one before, then checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mods.errors import SettingsError
from mods.interfaces import KINDS
from mods.settings.amount import Amount
from mods.settings.choice import Choice, parse_value, split_pair
from mods.settings.options import Generation, Tuning
from mods.settings.recipes import read_small
from mods.settings.run import RunSettings
from mods.settings.threshold import Threshold
from mods.wording import suggest

Made = TypeVar("Made")

TABLES = ("tuning", "generation", "columns")
"""The settings that are tables of their own."""
AMOUNTS = ("seeds", "budget")
REQUIRED = ("quality", "embedder", "selector", "seeds", "budget", "alpha", "beta")


def choices() -> list[str]:
    """The settings that are a `Choice`: every kind that a run chooses, and the given model."""
    return [*(kind.name for kind in KINDS if kind.chosen), "model"]


def setting_names() -> list[str]:
    """Every setting, the kinds of plug-ins first."""
    others = [f.name for f in dataclasses.fields(RunSettings) if f.name not in ("parts", "model")]
    return [*choices(), *others]


def make_settings(
    *layers: tuple[str, Mapping[str, Any]], overrides: Sequence[str] = ()
) -> RunSettings:
    """Merge layers of settings, later ones first in force, and check the result.

    `layers` are (where it came from, settings); `overrides` are `stage.option=value` texts.
    Raises `SettingsError` naming the layer, the setting and what is understood.
    """
    merged: dict[str, Any] = {
        kind.name: Choice(kind.default) for kind in KINDS if kind.chosen and kind.default
    }
    for where, layer in layers:
        merge(merged, layer, where)
    for text in overrides:
        override(merged, text)
    return validate(merged)


def merge(merged: dict[str, Any], layer: Mapping[str, Any], where: str) -> None:
    """Lay one layer over the settings so far."""
    known = setting_names()
    for name, value in layer.items():
        if name not in known:
            raise SettingsError(
                f"{where}: unknown setting {name!r}{suggest(name, known)}; "
                f"there are: {', '.join(known)}"
            )
        if isinstance(value, (Tuning, Generation)):
            value = dataclasses.asdict(value)
        if name in TABLES and value is not None and not isinstance(value, Mapping):
            raise SettingsError(f"{where}: {name} = {value!r}: expected a table of settings")
        if name in choices() and value is not None:
            merged[name] = Choice.read(value, f"{where}: {name}").over(merged.get(name))
        elif name in TABLES and value is not None:
            merged[name] = {**merged.get(name, {}), **value}
        else:
            merged[name] = value


def override(merged: dict[str, Any], text: str) -> None:
    """Apply one `stage.option=value`."""
    key, value = split_pair(text)
    stage, dot, option = key.partition(".")
    stages = [*choices(), *TABLES]
    if not dot or stage not in stages:
        raise SettingsError(
            f"`set` {text}: expected STAGE.OPTION=VALUE with a stage out of {', '.join(stages)}"
            f"{suggest(stage, stages)}"
        )
    if stage in TABLES:
        merged[stage] = with_inner(merged.get(stage, {}), option, parse_value(value))
    elif merged.get(stage) is None:
        raise SettingsError(f"`set` {text}: no {stage} is chosen; use `{stage}`")
    else:
        merged[stage] = merged[stage].with_option(option, parse_value(value))


def with_inner(table: Mapping[str, Any], option: str, value: Any) -> dict[str, Any]:
    """Return a table with one more value; `a.b` is the value `b` of its table `a`."""
    name, dot, inner = option.partition(".")
    if not dot:
        return {**table, name: value}
    below = table.get(name)
    return {**table, name: with_inner(below if isinstance(below, Mapping) else {}, inner, value)}


def validate(merged: Mapping[str, Any]) -> RunSettings:
    """Turn merged settings into checked ones."""
    values = dict(merged)
    for name in REQUIRED:
        if values.get(name) is None:
            raise SettingsError(f"`{name}` is not set; give it, or use a recipe that sets it")
    for name in AMOUNTS:
        values[name] = Amount.parse(values[name], setting=name)
    values["alpha"] = Threshold.parse(values["alpha"], setting="alpha", side="top")
    values["beta"] = Threshold.parse(values["beta"], setting="beta", side="bottom")
    against = values.get("against") or ()
    files = [against] if isinstance(against, (str, os.PathLike)) else against
    values["against"] = [os.fspath(f) if isinstance(f, os.PathLike) else f for f in files]
    tuning = dict(values.get("tuning", {}))
    if tuning.get("template"):
        tuning["template"] = template_text(str(tuning["template"]))
    values["tuning"] = checked(Tuning, tuning, "tuning.")
    values["generation"] = checked(Generation, values.get("generation", {}), "generation.")
    kinds = [kind.name for kind in KINDS if kind.chosen]
    named = {kind: values.pop(kind, None) for kind in kinds}
    values["parts"] = {kind: choice for kind, choice in named.items() if choice is not None}
    return checked(RunSettings, values, "")


def template_text(template: str) -> str:
    """Return the text of a template file, so that the settings hold what makes the result."""
    path = Path(template).expanduser()
    if "{" in template or not path.is_file():
        return template
    try:
        return read_small(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"tuning.template = {template!r} cannot be read: {error}") from error


def checked(kind: type[Made], values: Mapping[str, Any], prefix: str) -> Made:
    """Build a dataclass from values with pydantic's checks; errors become one `SettingsError`."""
    import pydantic

    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in names:
            raise SettingsError(
                f"unknown setting {prefix + name!r}{suggest(name, names)}; "
                f"there are: {', '.join(prefix + n for n in names)}"
            )
    try:
        return pydantic.TypeAdapter(kind).validate_python(dict(values))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{prefix}{place} = {first['input']!r}: {first['msg']}") from error

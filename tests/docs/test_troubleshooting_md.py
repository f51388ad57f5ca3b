"""docs/troubleshooting.md quotes messages as the code says them."""

import ast
import re

import click
import pytest
from support.pages import ROOT

from mods.cli import main
from mods.commands.options import as_options

PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
GAP = "…"


def text_of(node):
    """Return a text as the code writes it, `…` where something is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return GAP


def written():
    """All texts of the code, settings shown as options, without quotes and gaps."""
    found = []
    for path in [*ROOT.glob("mods/**/*.py"), *ROOT.glob("mods_plugins/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found.append(text_of(node))
    with click.Context(main):
        return [as_options(text).replace("`", "") for text in found]


@pytest.fixture(scope="module")
def texts():
    return written()


def test_there_are_messages():
    assert len(MESSAGES) > 50


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_says_it(message, texts):
    parts = [part.strip(" '") for part in message.split(GAP) if part.strip(" ':;,.()=")]
    assert any(all(part in text for part in parts) for text in texts), parts

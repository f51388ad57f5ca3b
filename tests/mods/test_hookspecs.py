"""Every hook is specified and used by the toy plug-in; a new kind is three additions."""

import json
import subprocess
import sys

from conftest import TOY

from mods import hookspecs
from mods.interfaces import KINDS
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources

HOOKS = {*(kind.hook for kind in KINDS), "register_commands"}


def test_there_is_a_hook_for_every_kind_and_none_besides():
    assert {name for name in dir(hookspecs) if name.startswith("register_")} == HOOKS


def test_the_toy_plugin_uses_every_hook_and_all_are_found():
    registry = load_plugins(Sources((TOY,), defaults=()))
    assert {plugin.kind for plugin in registry} == {kind.name for kind in KINDS}
    assert list(registry.commands([]).commands) == ["toy-hello"]


GREETER = """
from mods import hookimpl

class Polite:
    def __init__(self, whom="you", seed=0):
        self.whom, self.seed = whom, seed

    def greet(self):
        return f"good day, {self.whom} ({self.seed})"

@hookimpl
def register_greeters(register):
    register("polite", Polite)
    register("silent", dict)
"""
ADDED = """
import json, sys
from pathlib import Path
from typing import Protocol, runtime_checkable

from mods import hookspecs, interfaces

@runtime_checkable
class Greeter(Protocol):
    def greet(self) -> str: ...

def register_greeters(register):
    "Register greeters."

hookspecs.register_greeters = hookspecs.hookspec(register_greeters)
interfaces.KINDS += (
    interfaces.Kind("greeter", "register_greeters", (Greeter,), "Who greets.", default="polite"),
)

from click.testing import CliRunner
from mods import PluginError
from mods.cli import main
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.plugins.part import Part
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe

def settings(**given):
    return make_settings(("offline", load_recipe("offline")), ("here", given))

def greeter(made):
    return Part.choose(registry, "greeter", made.parts["greeter"], made.context("greeter"))

file = sys.argv[1]
registry = load_plugins(Sources((Path(file),), defaults=()))
usual, chosen = settings(seed=3), settings(greeter="polite:whom=all")
silent = greeter(settings(greeter="silent"))
try:
    silent.object
except PluginError as error:
    refused = str(error)
print(json.dumps({
    "listed": CliRunner().invoke(main, ["--plugin", file, "plugins"]).output,
    "help": CliRunner().invoke(main, ["run", "--help"]).output,
    "greetings": [greeter(made).object.greet() for made in (usual, chosen)],
    "makes": chosen.as_dict()["greeter"],
    "refused": refused,
}))
"""


def test_a_new_kind_is_a_row_a_protocol_and_a_hook(tmp_path):
    (tmp_path / "greeter.py").write_text(GREETER)
    run = subprocess.run(
        [sys.executable, "-c", ADDED, str(tmp_path / "greeter.py")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert ["greeter", "polite", "greeter.py"] in [
        line.split()[:3] for line in found["listed"].splitlines()
    ]
    assert "--greeter NAME" in found["help"]
    assert "Who greets.  [default: polite]" in found["help"]
    assert found["greetings"] == ["good day, you (3)", "good day, all (0)"]
    assert found["makes"] == {"name": "polite", "whom": "all"}
    assert found["refused"].startswith("greeter plug-in 'silent' (")
    assert "is a dict without greet(), which a plug-in of the kind greeter has" in found["refused"]

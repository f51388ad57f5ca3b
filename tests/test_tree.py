"""Who may import whom, and what must not be imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mods

ROOT = Path(mods.__file__).parent
LAYERS = [
    {"_version", "errors", "printable"},
    {"records", "settings"},
    {"interfaces"},
    {"hookspecs", "batching", "store", "thresholds", "schemas"},
    {"plugins", "reading", "kcenter", "checks", "progress"},
    {"config", "cached", "ledger", "testing"},
    {"stages"},
    {"runfolder"},
    {"pipeline", "scores", "story", "bench"},
    {"report"},
    {"api"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
"""From the bottom to the top: a module imports only from layers below its own."""
LATE = {("pipeline", "report"), ("commands", "cli")}
"""Imports inside a function that point upwards, on purpose."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports(path):
    """The mods modules that a file imports outside `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and getattr(test.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{a.name}" for a in node.names]
                if node.module == "mods"
                else [node.module]
            )
        yield from (n.split(".")[1] for n in names if n.startswith("mods.") and n.count("."))


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_dependencies_point_one_way(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for other in imports(path):
        if other in LEVEL and other != own and (own, other) not in LATE:
            assert LEVEL[other] < LEVEL[own], f"{own} imports {other}, which is not below it"


def test_the_framework_never_imports_the_default_plugins():
    for path in ROOT.rglob("*.py"):
        assert "import mods_plugins" not in path.read_text()
        assert "from mods_plugins" not in path.read_text()


def test_the_command_line_starts_without_anything_heavy():
    code = (
        "import sys; from mods.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'peft', 'numpy', 'sklearn', 'pyarrow', 'pydantic'}"
        " & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"

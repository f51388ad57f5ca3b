"""The tree: who may import whom, where tests stand, how large files are, what messages name."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mods.cli import main
from mods.commands.options import flags_of

ROOT = Path(__file__).parent.parent

LAYERS = [
    {"_core", "_version", "errors", "wording"},
    {"files", "records"},
    {"pool"},
    {"interfaces"},
    {"data", "hookspecs", "judging", "kcenter", "offline", "progress", "settings", "spending"},
    {"overlap", "plugins"},
    {"work"},
    {"selection"},
    {"runs"},
    {"api", "testing"},
    {"verdicts"},
    {"commands"},
    {"cli"},
    {"doors"},
    {"__main__"},
]
"""The folders and root modules of mods from the bottom to the top: one imports only from layers
below its own. `docs/architecture.md` shows the same."""
PLUGIN_LAYERS = [
    {"devices", "processes", "text", "thoughts"},
    {"coherence", "hf", "ray"},
    {"openai"},
    {"serving"},
    {"embedders"},
    {"backends", "baselines", "batch", "executors", "exporters", "readers", "scorers", "selectors"},
    {"arms", "necessity"},
    {"evaluators"},
]
"""Likewise for mods_plugins."""
FOR_PLUGINS = {
    "mods", "mods.errors", "mods.files", "mods.hookspecs", "mods.interfaces", "mods.kcenter",
    "mods.offline", "mods.pool", "mods.progress", "mods.records", "mods.settings.options",
    "mods.spending", "mods.testing", "mods.wording",
}  # fmt: skip
"""What mods_plugins may import of mods; of a package here, its modules too."""
COMMANDS = (Path("mods/cli.py"), Path("mods_plugins/batch.py"))
"""Files outside mods/commands that speak to who types commands."""
LINES, FILES = 400, 15
"""A source file has at most so many lines, a folder at most so many files."""
SOURCES = (".py", ".cpp", ".hpp", ".cu", ".cuh", ".inl")


def tracked(*folders: str) -> list[Path]:
    """The files that git knows in these folders, as paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def modules(package: str) -> list[Path]:
    return [path for path in tracked(package) if path.suffix == ".py"]


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(path): path for package in ("mods", "mods_plugins") for path in modules(package)}


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, inside functions too, but not for types alone."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for_types = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test).endswith("TYPE_CHECKING")
        for statement in test.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                names.append(inner if inner in MODULES or inner == "mods._core" else base)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [a.value for a in node.args if isinstance(a, ast.Constant)]
        yield from (name for name in names if name.split(".")[0] in ("mods", "mods_plugins"))


def room(name: str) -> str:
    """The folder or root module that a module belongs to; `` for the package itself."""
    return [*name.split("."), ""][1]


def level(name: str) -> int:
    """The layer of a module, from 0; the packages themselves, which re-export, are above all."""
    layers = LAYERS if name.split(".")[0] == "mods" else PLUGIN_LAYERS
    return next((i for i, rooms in enumerate(layers) if room(name) in rooms), len(layers))


def may_import(own: str, other: str) -> bool:
    """Whether a module may import another one of ours."""
    if own.split(".")[0] == other.split(".")[0]:
        same_room = room(own) == room(other) != ""
        return same_room or level(other) < level(own)
    parents = {other.rsplit(".", n)[0] for n in range(other.count("."))}
    return own.startswith("mods_plugins") and bool(FOR_PLUGINS & {other, *parents})


@pytest.mark.parametrize(("package", "layers"), [("mods", LAYERS), ("mods_plugins", PLUGIN_LAYERS)])
def test_every_folder_and_root_module_has_a_layer_and_every_layer_is_there(package, layers):
    rooms = {room(name) for name in MODULES if name.split(".")[0] == package} - {""}
    listed = [name for names in layers for name in names if name != "_core"]
    assert sorted(listed) == sorted(rooms)


@pytest.mark.parametrize("path", MODULES.values(), ids=str)
def test_imports_point_one_way(path):
    own = dotted(path)
    wrong = [other for other in imports(path) if not may_import(own, other)]
    assert wrong == [], f"{path} may not import these"


def test_no_module_is_imported_by_what_it_imports():
    graph = {name: set(imports(path)) & MODULES.keys() - {name} for name, path in MODULES.items()}
    for package in ("mods", "mods_plugins"):
        graph[package] = set()  # it re-exports; what imports it wants what it re-exports
    while free := {name for name, needs in graph.items() if not needs & graph.keys()}:
        for name in free:
            del graph[name]
    circle = {name: sorted(needs & graph.keys()) for name, needs in graph.items()}
    assert circle == {}


def holds_something(path: Path) -> bool:
    """Whether there is something to test in a module: a definition, or a statement that acts."""
    if path.name in ("_version.py", "__main__.py"):
        return False
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return path.name != "__init__.py" or any(isinstance(node, kinds) for node in tree.body)


def stands_at(path: Path) -> Path:
    """Where the tests of a module stand; those of `__init__.py` are in `test_init.py`."""
    return Path("tests") / path.parent / f"test_{path.stem.strip('_')}.py"


def test_every_module_has_a_test_file_where_it_stands_itself():
    wanted = {stands_at(path) for path in MODULES.values() if holds_something(path)}
    missing = sorted(str(path) for path in wanted if not (ROOT / path).exists())
    assert missing == []


def test_every_test_file_is_about_a_source_that_stands_there():
    tools = [path for path in tracked("tools") if path.suffix == ".py"]
    wanted = {stands_at(path) for path in (*MODULES.values(), *tools)}
    others = {Path("tests/test_tree.py")}
    found = [
        path
        for path in tracked("tests")
        if path.name.startswith("test_") and path.parts[1] not in ("csrc", "docs", "support")
    ]
    assert sorted(str(path) for path in set(found) - wanted - others) == []


def test_no_source_file_is_too_long():
    sizes = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in tracked("mods", "mods_plugins", "csrc", "tests", "benchmarks", "tools")
        if path.suffix in SOURCES
    }
    assert {path: size for path, size in sizes.items() if size > LINES} == {}


def test_no_folder_is_too_full():
    counts: dict[tuple[str, str], int] = {}
    for path in tracked("mods", "mods_plugins", "csrc", "tests", "benchmarks", "tools"):
        if path.suffix in SOURCES:
            key = (str(path.parent), path.suffix)
            counts[key] = counts.get(key, 0) + 1
    assert {key: count for key, count in counts.items() if count > FILES} == {}


def strings(path: Path) -> Iterator[ast.Constant]:
    """The texts in a file that are no docstrings."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if text and id(node) not in docstrings:
            yield node


def test_messages_of_the_library_name_settings_not_options():
    options = sorted(flag for flag in flags_of(main) if flag.startswith("--"))
    named = re.compile(rf"(?<![\w-])({'|'.join(options)})(?![\w-])")
    told = [
        f"{path}:{text.lineno}: {found}"
        for path in MODULES.values()
        if path.parts[:2] != ("mods", "commands") and path not in COMMANDS
        for text in strings(path)
        for found in named.findall(text.value)
    ]
    assert told == []

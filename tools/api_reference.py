"""Writes docs/api.md, the Python API, from signatures and docstrings; `--check` only compares.

Usage: python tools/api_reference.py [--check]

The sources are read, not imported. What is described is what the modules below name in `__all__`,
else their public classes and values that have a docstring; each once, where it first comes up.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import griffe

from mods.interfaces import KINDS

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "api.md"
HEAD = """# The Python API

Written from docstrings by `make docs`; do not edit by hand. Names of `mods` are imported from there
(`from mods import Record`), whichever file they are written in. How plug-ins use them:
[plugins.md](plugins.md).
"""
MODULES: dict[str, Sequence[str]] = {
    "mods": (),
    "mods.interfaces": (),
    "mods.settings.options": (),
    "mods.settings.run": ("RunSettings",),
    "mods.testing": (),
    "mods.kcenter": (),
}
"""The modules described, with the names to describe if not all."""
OTHERS = {
    "mods.__version__": "The version of mods, a text.",
    "mods.hookimpl": "Marks a function as a hook: `@hookimpl`, or `@hookimpl(trylast=True)`.",
}
"""What names without a docstring are."""
WIDTH = 100
"""Longest line of a signature; a longer one has a line for each parameter."""
TERM = re.compile(r"^(`.+`)\n((?: {4}.+(?:\n|$))+)", re.MULTILINE)
"""A term in a docstring, with its explanation indented below."""
ORDER = ("function", "class", "attribute")
Object = griffe.Object | griffe.Alias


def page() -> str:
    """Return the whole page."""
    package = griffe.load("mods", search_paths=[ROOT], allow_inspection=False)
    modules = {
        path: package[path.removeprefix("mods.")] if path != "mods" else package for path in MODULES
    }
    described: dict[str, str] = {}
    parts = [part for module in modules.values() for part in section(module, described)]
    contents = []
    for path, module in modules.items():
        links = [link(item.name, described[item.canonical_path]) for item in chosen(module)]
        contents.append(f"- {link(path, path)}: {', '.join(links)}")
    return "\n\n".join([HEAD.rstrip(), "\n".join(contents), *parts]) + "\n"


def section(module: Object, described: dict[str, str]) -> Iterator[str]:
    """Yield the paragraphs of a module."""
    yield f"## `{module.path}`"
    if not MODULES[module.path]:
        yield from prose(module)
    if module.path == "mods.interfaces":
        yield table_of_kinds()
    for item in chosen(module):
        if item.canonical_path not in described:
            described[item.canonical_path] = f"{module.path}.{item.name}"
            yield f"### `{module.path}.{item.name}`"
            own = item.final_target if isinstance(item, griffe.Alias) else item
            yield from description(own, f"{module.path}.{item.name}")


def chosen(module: Object) -> list[Object]:
    """Return what is described of a module: by kind if it has `__all__`, else as it is written."""
    exported = [str(name) for name in MODULES[module.path] or module.exports or ()]
    if exported:
        items = [module.members[name] for name in exported]
        return sorted(items, key=lambda item: (rank(item), item.name))
    return [
        item
        for item in module.members.values()
        if not (item.is_alias or item.is_function) and item.is_public and item.docstring
    ]


def rank(item: Object) -> tuple[int, bool]:
    """Functions first, then classes, errors after other classes, then values."""
    return ORDER.index(item.kind.value), item.name.endswith(("Error", "Warning"))


def table_of_kinds() -> str:
    """Return the table of kinds of plug-ins."""
    rows = [
        f"| `{kind.name}` | {hook_link(kind.hook)} | "
        f"{' or '.join(f'`{protocol.__name__}`' for protocol in kind.protocols)} | "
        f"{f'`{kind.default}`' if kind.default else ''} | "
        f"{', '.join(f'`{name}`' for name in kind.context)} |"
        for kind in KINDS
    ]
    head = "| kind | hook | offers | default | what factories may ask for |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def hook_link(hook: str) -> str:
    """Link a hook to its heading on the page about plug-ins."""
    return f"[`{hook}`](plugins.md#{hook})"


def description(item: griffe.Object, name: str) -> Iterator[str]:
    """Yield the paragraphs of one object."""
    if isinstance(item, griffe.Function):
        yield code(f"def {signature(item)}")
        yield from prose(item)
    elif isinstance(item, griffe.Class):
        bases = ", ".join(str(base) for base in item.bases)
        yield code(f"class {item.name}({bases})" if bases else f"class {item.name}")
        yield from prose(item)
        yield from members(item)
    elif isinstance(item, griffe.Attribute):
        value = f"{item.name} = {item.value}"
        if name not in OTHERS and "\n" not in value and len(value) <= WIDTH:
            yield code(value)
        yield OTHERS.get(name) or (item.docstring.value if item.docstring else "")


def members(owner: griffe.Class) -> Iterator[str]:
    """Yield the fields, properties and methods of a class."""
    public = [m for m in owner.members.values() if not m.name.startswith("_")]
    told = any(part.kind.value == "attributes" for part in parsed(owner))
    fields = [m for m in public if isinstance(m, griffe.Attribute) and (m.docstring or not told)]
    for title, are in (("", False), ("Properties:\n\n", True)):
        listed = [field(m) for m in fields if ("property" in m.labels) is are]
        if listed:
            yield title + "\n".join(listed)
    for method in (m for m in public if isinstance(m, griffe.Function)):
        mark = "@classmethod\n" if "classmethod" in method.labels else ""
        yield code(f"{mark}def {signature(method)}")
        yield from prose(method)


def field(item: griffe.Attribute) -> str:
    """Return a field or a property as an item of a list."""
    is_field = "property" not in item.labels and item.value is not None
    default = f" = {item.value}" if is_field else ""
    told = f": {flat(item.docstring.value)}" if item.docstring else ""
    return f"- `{quoted(f'{item.name}: {item.annotation}{default}')}`{told}"


def signature(function: griffe.Function) -> str:
    """Return name, parameters and result, without `self`; one line, or a line a parameter."""
    end = f") -> {function.returns}" if function.returns else ")"
    parameters = list(rendered(function))
    line = f"{function.name}({', '.join(parameters)}{end}"
    if len(line) + len("def ") <= WIDTH:
        return line
    return "\n".join([f"{function.name}(", *(f"    {text}," for text in parameters), end])


def rendered(function: griffe.Function) -> Iterator[str]:
    """Yield the parameters as they are written."""
    starred = False
    for parameter in function.parameters:
        kind = parameter.kind.value
        if parameter.name in ("self", "cls"):
            continue
        if kind == "keyword-only" and not starred:
            yield "*"
        starred = starred or kind in ("keyword-only", "variadic positional")
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        default = "" if stars or parameter.default is None else f"= {parameter.default}"
        spaced = f" {default}" if annotation and default else default.replace("= ", "=")
        yield f"{stars}{parameter.name}{annotation}{spaced}"


def parsed(item: Object) -> list[griffe.DocstringSection]:
    """Take a docstring apart, in whichever of the two styles it is written."""
    if not item.docstring:
        return []
    google = re.search(r"^(Args|Attributes|Returns|Raises):$", item.docstring.value, re.MULTILINE)
    return item.docstring.parse("google" if google else "numpy", warnings=False)


def prose(item: Object) -> Iterator[str]:
    """Yield the paragraphs of a docstring."""
    for part in parsed(item):
        kind = part.kind.value
        if kind == "text":
            yield TERM.sub(lambda found: f"- {found[1]}: {flat(found[2])}\n", part.value).rstrip()
        elif kind in ("parameters", "attributes"):
            yield f"{kind.capitalize()}:"
            yield "\n".join(f"- `{entry.name}`: {flat(entry.description)}" for entry in part.value)
        elif kind == "returns":
            yield f"Returns: {flat(' '.join(entry.description for entry in part.value))}"
        elif kind in ("raises", "warns"):
            yield f"{kind.capitalize()}:"
            yield "\n".join(
                f"- `{entry.annotation}`: {flat(entry.description)}" for entry in part.value
            )
        elif kind == "admonition":
            yield f"{part.title}: {flat(part.value.description)}"
        else:
            sys.exit(f"{item.path}: a docstring section of the kind {kind!r} is not known here")


def flat(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())


def code(text: str) -> str:
    """Return a block of Python, with the quotes of the sources."""
    return f"```python\n{quoted(text)}\n```"


def quoted(text: str) -> str:
    """Put texts between double quotes: the parser has them between single ones."""
    return re.sub(r"'([^'\"]*)'", r'"\1"', text)


def link(name: str, path: str) -> str:
    """Link to the heading of a module or object."""
    return f"[`{name}`](#{anchor(path)})"


def anchor(path: str) -> str:
    """Return the anchor that a heading `path` gets."""
    return re.sub(r"[^\w-]", "", path.lower())


if __name__ == "__main__":
    if "--check" not in sys.argv:
        TARGET.write_text(page(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page():
        sys.exit(f"{TARGET} is not what the docstrings say; run: make docs")

"""Writes the file tree of README.md from what every file says it is; `--check` only compares.

Usage: python tools/tree.py [--check]
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHOWN = ("csrc", "mods", "mods_plugins", "benchmarks", "tools", "examples", "docs")
BLOCK = re.compile(r"(<!-- tree -->\n).*?(<!-- /tree -->)", re.DOTALL)
OTHERS = {
    "examples/instructions.jsonl": "380 rows of our own, good and bad.",
    "examples/README.md": "What the example rows are.",
    "docs/data.md": "What data is read, and how.",
    "docs/plugins.md": "Writing a plug-in.",
    "docs/run-folder.md": "What a run leaves behind.",
    "docs/cli.md": "Every command, from `--help`.",
    "benchmarks/NOTES.md": "What was tried in the CPU core, what paid and what did not.",
    "benchmarks/NOTES-cuda.md": "The CUDA core: reviews, resources, what has not been run.",
    "mods/_core.pyi": "Types of the native module.",
}


def first_sentence(path: Path) -> str:
    """What a file says it is: the first sentence of its docstring or of its opening comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    comment = re.match(r"(?:(?://|# ).*\n)+", text)
    if comment is None:
        return f"implements {path.stem}.hpp"
    joined = " ".join(line.lstrip("/# ") for line in comment[0].splitlines())
    return re.split(r"(?<=[A-Za-z)`])[.:]\s+", joined)[0]


def lines() -> Iterator[str]:
    """Yield the tree, one line a file, in the order of the folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SHOWN],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for folder in SHOWN:
        yield f"{folder}/"
        for name in sorted(f for f in listed if f.startswith(f"{folder}/")):
            path = ROOT / name
            if path.suffix in (".json", ".png", ".typed") or name.endswith("__init__.py"):
                continue
            what = OTHERS.get(name) or first_sentence(path)
            yield f"  {name.removeprefix(folder + '/'):<26} {what.rstrip('.')}"
    yield "tests/                       one file per source file, and the toy plug-in of every kind"


def updated(text: str) -> str:
    """Return the README with the tree as it is now."""
    tree = "\n".join(lines())
    return BLOCK.sub(lambda found: f"{found[1]}```text\n{tree}\n```\n{found[2]}", text)


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    after = updated(before)
    if "--check" not in sys.argv:
        README.write_text(after, encoding="utf-8")
    elif before != after:
        sys.exit(f"the tree in {README} is not what is there; run: make docs")

"""Writes the trees of README.md and docs/tree.md from what every file says of itself.

Usage: python tools/tree.py [--check | --print]   (`--print` shows all files)
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {ROOT / "README.md": False, ROOT / "docs/tree.md": True}
"""Where a tree stands, and whether it has the files."""
SHOWN = ("csrc", "mods", "mods_plugins", "benchmarks", "tools", "examples", "docs", ".github")
BLOCK = re.compile(r"(<!-- tree -->\n).*?(<!-- /tree -->)", re.DOTALL)
COLUMN = 30
"""Where the texts begin."""
OTHERS = {
    ".github": "Continuous integration.",
    ".github/workflows": "What is built and checked, and when.",
    "csrc": "The core: exact k-center greedy in C++ and CUDA.",
    "csrc/cpu": "The core on the CPU: the algorithm.",
    "csrc/cpu/apart": "Rows in several processes: what lies between shards, picks and messages.",
    "csrc/cpu/kernels": "The inner loops, one file an instruction set.",
    "csrc/cpu/machine": "What is asked of the machine: memory, pages, processors, threads.",
    "csrc/cuda": "The core on NVIDIA GPUs.",
    "csrc/cuda/kernels": "What runs on the device.",
    "mods_plugins/scorers/llm_judge.jinja": "What a judge is told, unless another rubric is given.",
    "mods/settings/recipes": "The recipes that come with mods.",
    "mods/runs/report/page": "The page of a report: HTML, CSS and JavaScript by hand.",
    "mods/_core.pyi": "Types of the native module.",
    "examples": "Rows to try mods on.",
    "examples/instructions.jsonl": "380 rows of our own, good and bad.",
    "examples/mixed.jsonl": "30 rows in many forms, for seeing how rows are read.",
    "examples/README.md": "What the example rows are.",
    "docs": "Pages for users and plug-in authors.",
    "docs/index.md": "The home of the docs site: what to read for what.",
    "docs/quickstart.md": "First selection in five minutes.",
    "docs/own-data.md": "From your rows and your model to a selection, step by step.",
    "docs/troubleshooting.md": "Errors by their message.",
    "docs/tree.md": "What every file is, in a line.",
    "docs/core.md": "How the core works.",
    "docs/core.svg": "Its picture.",
    "docs/site.css": "What the docs site changes of its theme.",
    "docs/api.md": "The Python API, from docstrings.",
    "docs/architecture.md": "How mods is built, on one page.",
    "docs/cli.md": "Every command, from `--help`.",
    "docs/contamination.md": "Which rows repeat prompts of a test to come.",
    "docs/costs.md": "Amounts in tokens, what a run took, what one will take.",
    "docs/data.md": "What data is read, and how.",
    "docs/export.md": "The selection as a trainer takes it.",
    "docs/plugins.md": "Writing a plug-in.",
    "docs/verdict.md": "Does a selection help? How to read the answer.",
    "docs/verdict-real.md": "A verdict on real data, and how to read it.",
    "docs/servers.md": "Models behind a server: answers, judges, offline.",
    "docs/run-folder.md": "What a run leaves behind.",
    "benchmarks": "Speed of the core against its baselines.",
    "benchmarks/results": "Committed measurements, shown in the README.",
    "benchmarks/NOTES.md": "What was tried in the CPU core, what paid and what did not.",
    "benchmarks/NOTES-cuda.md": "The CUDA core: reviews, resources, what has not been run.",
    "tools": "What `make` calls.",
}
"""What folders and files are that do not say it themselves."""
UNLISTED = (".json", ".png", ".typed", "/__init__.py")
"""What has no line of its own; the docstring of `__init__.py` stands beside its folder."""
TESTS = "Mirror the tree; `support/` holds the toy plug-in of every kind."


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


def told(name: str) -> str:
    """What a file or folder is, without a full stop; everything must say it."""
    path = ROOT / name
    package = path / "__init__.py"
    if name in OTHERS:
        text = OTHERS[name]
    elif path.is_dir():
        text = first_sentence(package) if package.exists() else ""
    else:
        text = first_sentence(path)
    if not text:
        sys.exit(f"{name} does not say what it is: give it a docstring or an opening comment")
    return text.strip().rstrip(".")


def line(name: str) -> str:
    """Return the line of a file or folder, indented by how deep it lies."""
    path = ROOT / name
    own = "  " * name.count("/") + path.name + ("/" if path.is_dir() else "")
    return f"{own:<{COLUMN - 1}} {told(name)}"


def below(folder: str, files: Sequence[str], *, whole: bool) -> Iterator[str]:
    """Yield the lines of a folder: itself, its files if `whole`, then the folders in it."""
    yield line(folder)
    inside = [name.removeprefix(f"{folder}/") for name in files if name.startswith(f"{folder}/")]
    for name in sorted(name for name in inside if "/" not in name):
        if whole and not f"/{name}".endswith(UNLISTED):
            yield line(f"{folder}/{name}")
    for name in sorted({name.partition("/")[0] for name in inside if "/" in name}):
        yield from below(f"{folder}/{name}", files, whole=whole)


def lines(*, whole: bool) -> Iterator[str]:
    """Yield the tree, one line a file or folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SHOWN],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = [name for name in listed if (ROOT / name).exists()]
    for folder in SHOWN:
        yield from below(folder, files, whole=whole)
    yield f"{'tests/':<{COLUMN - 1}} {TESTS.rstrip('.')}"


def updated(text: str, *, whole: bool) -> str:
    """Return a page with the tree as it is now."""
    tree = "\n".join(lines(whole=whole))
    return BLOCK.sub(lambda found: f"{found[1]}```text\n{tree}\n```\n{found[2]}", text)


if __name__ == "__main__":
    if "--print" in sys.argv:
        print("\n".join(lines(whole=True)))
        sys.exit()
    for page, whole in PAGES.items():
        before = page.read_text(encoding="utf-8")
        after = updated(before, whole=whole)
        if "--check" not in sys.argv:
            page.write_text(after, encoding="utf-8")
        elif before != after:
            sys.exit(f"the tree in {page} is not what is there; run: make docs")

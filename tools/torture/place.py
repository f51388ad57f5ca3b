"""A temporary folder with made-up data, and `mods` commands in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests"))  # for the stand-ins in `support`
TOY = ROOT / "tests" / "support" / "toy.py"
ROWS = 60
LIMIT = 120
"""Seconds that one command may take before it counts as hung."""


def name(number: int) -> str:
    """Return a word of its own for a number: rows must differ in their letters."""
    return "".join(chr(97 + (7 * number + 5 * at) % 26) for at in range(number % 9 + 2))


class Place:
    """A temporary folder with data, and `mods` commands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.jsonl"
        rows = [
            {"instruction": f"Spell {name(i)} and {name(i * i)}", "output": f"{i} " * (i % 7 + 1)}
            for i in range(ROWS)
        ]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"cut": \n')

    def run(self, out: str, *more: str, cache: str = "cache") -> list[str]:
        """Return the arguments of a whole run with the toy plug-ins."""
        return [
            "--plugin", str(TOY), "run", str(self.data), "-o", str(self.folder / out),
            "--recipe", "offline", "--quiet", "--cache", str(self.folder / cache),
            "--quality", "toy-length", "--alpha", "top 40", "--embedder", "toy-letters",
            "--selector", "kcenter", "--model", "toy", "--trainer", "toy-trainer",
            "--generator", "toy-generator", "--necessity", "toy-known", "--beta", "bottom 50%",
            "--seeds", "8", "--budget", "14", *more,
        ]  # fmt: skip

    def mods(
        self, *arguments: str, limits: Callable[[], None] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "mods", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **more},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            preexec_fn=limits,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "mods", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def clear(self, *names: str) -> None:
        """Remove what runs left."""
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def result(self, out: str) -> list[bytes]:
        """Return what a run selected and wrote receipts of."""
        return self.made(out, ("selected.jsonl", "pool.parquet"))

    def made(self, out: str, files: Sequence[str]) -> list[bytes]:
        """Return some of the files that a command wrote."""
        return [(self.folder / out / file).read_bytes() for file in files]


def clear_error(done: subprocess.CompletedProcess[str]) -> str:
    """Say what is wrong with how a command failed; nothing if it failed in one clear line."""
    if done.returncode == 0:
        return "it succeeded"
    if "Traceback" in done.stderr:
        return f"a traceback: {done.stderr.strip().splitlines()[-1]}"
    if "error:" not in done.stderr:
        return f"exit {done.returncode} without a word"
    return ""

"""The pages of the docs as tests see them: blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
FILE = re.compile(r"# ([\w-]+\.(?:py|toml))\n")


@dataclass(frozen=True)
class Block:
    """A block of code. A comment `<!-- not run: why -->` above it keeps it from being run."""

    language: str
    text: str
    why_not: str | None

    @property
    def file(self) -> str | None:
        """The name of the file that it is, where its first line says so."""
        named = FILE.match(self.text)
        return named[1] if named else None

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a block of `bash`, as words."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(one["language"], one["text"], one["why"]) for one in found]


def is_mods(words: list[str]) -> bool:
    """Say whether a command is one of mods."""
    return words[0] == "mods" or words[0].endswith("/mods")

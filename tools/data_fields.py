"""Writes the table of fields in docs/data.md from `mods.data.fields`; `--check` only compares.

Usage: python tools/data_fields.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mods.data.fields import FIELDS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data.md"
BLOCK = re.compile(r"(<!-- fields -->\n).*?(<!-- /fields -->)", re.DOTALL)


def table() -> str:
    """Return the table of fields and the columns they are looked for in."""
    lines = [f"| `{name}` | {', '.join(f'`{c}`' for c in columns)} |" for name, columns in
             FIELDS.items()]  # fmt: skip
    return "\n".join(["| field | columns |", "|---|---|", *lines]) + "\n"


def page() -> str:
    """Return the page with the table of today."""
    text = PAGE.read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif page() != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} is not up to date: run python {sys.argv[0]}")

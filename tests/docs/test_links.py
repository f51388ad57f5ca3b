"""Pages name files that are there: by links, and by their paths."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(p for d in ("docs", "examples", "benchmarks")
                                      for p in (ROOT / d).glob("*.md"))])  # fmt: skip
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:tests|mods|mods_plugins|benchmarks|tools|examples)/[\w/.-]+\.\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    linked = {found for found in LINK.findall(text) if not (page.parent / found).exists()}
    named = {found for found in PATH.findall(text) if not (ROOT / found).exists()}
    assert linked | named == set()

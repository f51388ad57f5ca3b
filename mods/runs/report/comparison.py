"""The page of a comparison of runs: tables alone, without a script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mods.files import write_file
from mods.runs.report.page import digest, read
from mods.wording import printable


def write_comparison(found: Mapping[str, Any], target: Path) -> None:
    """Write what `mods.runs.compare.compare` found as one HTML file; raises `OutputError`."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["safe_text"] = lambda text: printable(str(text))
    environment.filters["shade"] = shade
    style = read("page.css")
    page = environment.from_string(read("compare.html")).render(
        found=found, style=style, rules=f"default-src 'none'; style-src '{digest(style)}'"
    )
    write_file(target, lambda file: file.write(page.encode("utf-8", "replace")))


def shade(value: float | None) -> str:
    """Return the class of a share or a correlation: how strongly its cell is coloured."""
    return "none" if value is None else f"shade-{round(min(1, abs(value)) * 10)}"

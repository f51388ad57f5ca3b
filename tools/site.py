"""Hooks of the docs site: pages of linked sources, and a check that nothing comes from elsewhere.

Named in `mkdocs.yml`. The pages in `docs/` link to source files as a repository shows them
(`../mods/pool.py`); here such a file becomes a page of the site, and the link leads there.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOG = logging.getLogger("mkdocs.hooks.site")
"""`strict` turns its warnings into a failed build."""
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=[)#])")
"""What a link of Markdown leads to, if it is a file."""
SOURCE = "source"
"""The folder of the site for files outside `docs/`."""
PICTURES = (".png", ".svg")
LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".jinja": "jinja", ".hpp": "cpp",
             ".cpp": "cpp", ".cu": "cuda", ".yml": "yaml"}  # fmt: skip
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src",
           "video": "src", "audio": "src", "object": "data", "embed": "src"}  # fmt: skip
"""Elements that a browser loads something for, and the attribute that says what."""
ELSEWHERE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


def on_files(files: Any, config: Any) -> Any:
    """Add every file outside `docs/` that a page leads to, also through others: as a page."""
    from mkdocs.structure.files import File, InclusionLevel

    docs = Path(config.docs_dir)
    open_pages = [(f"docs/{file.src_uri}", (docs / file.src_uri).read_text(encoding="utf-8"))
                  for file in files.documentation_pages()]  # fmt: skip
    added: set[str] = set()
    while open_pages:
        for path in sources(*open_pages.pop()):
            if path in added or not (ROOT / path).is_file():
                continue
            added.add(path)
            if path.endswith(PICTURES):
                content = (ROOT / path).read_bytes()
                files.append(File.generated(config, uri_of(path), content=content))
                continue
            text = (ROOT / path).read_text(encoding="utf-8")
            file = File.generated(config, uri_of(path), content=page_of(path, text))
            file.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(file)
            if path.endswith(".md"):
                open_pages.append((path, text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to files outside `docs/` to their pages."""
    return relinked(markdown, page.file.src_uri)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Warn of everything that a browser would load from elsewhere."""
    for address in fetched(output):
        LOG.warning("%s loads %s", page.file.src_uri, address)
    return output


def on_post_build(config: Any) -> None:
    """Warn of style sheets that load something from elsewhere."""
    for path in Path(config.site_dir).rglob("*.css"):
        for address in IN_STYLES.findall(path.read_text(encoding="utf-8")):
            LOG.warning("%s loads %s", path, address)


def origin_of(uri: str) -> str:
    """Return the path in the repository of a page of the site."""
    if uri.startswith(f"{SOURCE}/"):
        path = uri.removeprefix(f"{SOURCE}/")
        return path if (ROOT / path).is_file() else path.removesuffix(".md")
    return f"docs/{uri}"


def uri_of(path: str) -> str:
    """Return where on the site a file of the repository is."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{SOURCE}/{path}" if path.endswith((".md", *PICTURES)) else f"{SOURCE}/{path}.md"


def sources(origin: str, text: str) -> Iterator[str]:
    """Yield the files outside `docs/` that a page links to, as paths in the repository."""
    for link in LINK.findall(text):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))
        if not path.startswith(("docs/", "../")):
            yield path


def relinked(text: str, uri: str) -> str:
    """Return the text of a page with its links as the site has them."""
    origin = origin_of(uri)

    def lead(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[1]))
        if not (ROOT / path).is_file():
            return found[1]
        return posixpath.relpath(uri_of(path), posixpath.dirname(uri) or ".")

    return LINK.sub(lead, text)


def page_of(path: str, text: str) -> str:
    """Return a file as a page; searches leave it out."""
    header = "---\nsearch:\n  exclude: true\n---\n\n"
    if path.endswith(".md"):
        return header + text
    language = LANGUAGES.get(Path(path).suffix, "text")
    return f"{header}# `{path}`\n\n``````{language}\n{text.rstrip()}\n``````\n"


def fetched(html: str) -> Iterable[str]:
    """Return the addresses elsewhere that a browser loads something from for a page."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            address = dict(attrs).get(FETCHED.get(tag, "")) or ""
            if ELSEWHERE.match(address):
                found.append(address)

    Reader().feed(html)
    return [*found, *IN_STYLES.findall(html)]

"""Writes the page of a run: one file, safe to open, that asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import IO, Any

from mods.files import check_output, make_folder, to_json, write_file
from mods.runs.conversations import origins, read_briefly
from mods.runs.folder import CONVERSATIONS, PAGE, PAGE_TEXTS, WRITTEN
from mods.runs.report.gather import gather
from mods.runs.report.packing import as_characters, packed
from mods.runs.report.texts import Chunk, pack_texts
from mods.runs.report.vectors import first_picks, small_vectors
from mods.runs.report.words import costs_of
from mods.runs.saved import SavedRun, telling

FILES = resources.files("mods.runs.report") / "page"
SCRIPTS = (
    "data.js", "whatif.js", "kcenter.js", "dom.js", "charts.js", "overview.js", "moving.js",
    "map.js", "rows.js", "main.js",
)  # fmt: skip
"""In the order they are run."""
MOST_INSIDE = 64 << 20
"""Bytes of packed texts that the page holds itself; more lie in a file beside it."""


def write_page(saved: SavedRun, folder: Path, target: Path | None = None) -> Path:
    """Write the page of the run in `folder`, by default there; returns where it is.

    Where the texts are too large for a page a second file lies beside it. Raises `RunFolderError`
    for a broken folder, `OutputError` where nothing can be written.
    """
    target = folder / PAGE if target is None else target
    beside = target.with_name(PAGE_TEXTS)
    chunks, characters = pack_texts(saved, folder)
    comes_from = origins(saved.receipts, read_briefly(folder / CONVERSATIONS))
    meta, columns = gather(saved, characters, comes_from)
    meta["costs"] = costs_of(folder)
    size = sum(len(chunk.packed) for chunk in chunks)
    inside = size <= MOST_INSIDE
    kept = max(characters, default=-1) >= 0
    data = packed(columns)
    vectors = small_vectors(saved, folder)
    meta["first_picks"] = first_picks(saved) if vectors else []
    meta["texts"] = {
        "kept": kept,
        "bytes": size,
        "beside": None if inside else PAGE_TEXTS,
        "nonce": hashlib.sha256(data.encode("utf-16-le")).hexdigest()[:32],
    }
    if inside:
        beside.unlink(missing_ok=True)
    else:
        write_file(beside, lambda file: write_utf16(file, calls(chunks)))
    write_file(
        target, lambda file: write_utf16(file, page(meta, data, vectors, chunks if inside else []))
    )
    return target


def report_on(folder: Path, target: Path | None) -> Path:
    """Draw the page of a run folder again; returns where it is.

    Raises `RunFolderError` for what is no finished run, `OutputError` and `SettingsError` for a
    target that cannot be written or that is a file of the run.
    """
    saved = SavedRun.load(folder)
    if target is not None:
        own = [folder / name for name in WRITTEN if name not in (PAGE, PAGE_TEXTS)]
        check_output("output", target, own)
        make_folder(target.parent)
    with telling(folder):
        return write_page(saved, folder, target)


def write_utf16(file: IO[bytes], pieces: Iterator[str]) -> None:
    """Write text in UTF-16 with its mark; see `packing`."""
    file.write(b"\xff\xfe")
    for piece in pieces:
        file.write(piece.encode("utf-16-le"))


def page(
    meta: dict[str, Any], columns: str, vectors: str, chunks: Sequence[Chunk]
) -> Iterator[str]:
    """Yield the page in pieces: what is seen first stands first."""
    style = read("page.css")
    script = f'"use strict";\n(() => {{\n{"".join(map(read, SCRIPTS))}}})();\n'
    beside = f" 'nonce-{meta['texts']['nonce']}'" if meta["texts"]["beside"] else ""
    rules = (
        f"default-src 'none'; script-src '{digest(script)}'{beside}; style-src '{digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    totals = meta["rows"]["totals"]
    title = f"mods: {totals['selected']:,} of {sum(totals.values()):,} rows selected"
    head, rest = read("page.html").split("<!--data-->")
    for name, text in (("rules", rules), ("title", title), ("style", style)):
        head = head.replace(f"<!--{name}-->", text)
    yield head
    yield block("meta", "application/json", in_html(meta))
    yield block("columns", "text/plain", columns)
    yield block("vectors", "text/plain", vectors)
    yield rest.replace("<!--script-->", script)
    for chunk in chunks:
        name = f"texts-{chunk.first}-{chunk.rows}"
        yield block(name, "text/plain", as_characters(chunk.packed))
    yield "</body></html>\n"


def calls(chunks: Sequence[Chunk]) -> Iterator[str]:
    """Yield the script that hands the texts over to the page beside it."""
    for chunk in chunks:
        yield f'takeTexts({chunk.first},{chunk.rows},"{as_characters(chunk.packed)}");\n'


def block(name: str, kind: str, text: str) -> str:
    """Return a block of data, which no browser runs."""
    return f'<script id="{name}" type="{kind}">{text}</script>\n'


def in_html(meta: dict[str, Any]) -> str:
    """Write JSON that may stand in HTML: ASCII, and nothing in it begins a tag."""
    text = json.dumps(json.loads(to_json(meta)), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def digest(text: str) -> str:
    """Return the hash of a script or a style as the content security policy takes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def read(name: str) -> str:
    """Return a part of the page."""
    return (FILES / name).read_text(encoding="utf-8")

"""The manifest: all that makes a selection, and what came out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods._version import __version__
from mods.files import file_digest
from mods.interfaces import kind_named
from mods.selection.receipts import count_by_fate, count_by_stage

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.data.reading import Reading
    from mods.plugins.part import Part
    from mods.selection.result import Selection
    from mods.settings.run import RunSettings
    from mods.work.work import Work

LIBRARIES = (
    "accelerate",
    "datasets",
    "gguf",
    "numpy",
    "peft",
    "pyarrow",
    "scikit-learn",
    "sentence-transformers",
    "torch",
    "transformers",
)
"""Libraries whose versions can change a result."""


def what_makes(
    reading: Reading,
    settings: RunSettings,
    parts: Mapping[str, Part],
    prompts: Sequence[Prompt] = (),
) -> dict[str, Any]:
    """Return all that decides a selection: data, prompts, settings, plug-ins and their models."""
    decide = {name: p for name, p in parts.items() if kind_named(p.plugin.kind).decides}
    return {
        "inputs": inputs(reading),
        "against": against(prompts),
        "settings": settings.as_dict(),
        "plugins": {name: part.identity for name, part in decide.items()},
        "mods": __version__,
    }


def inputs(reading: Reading) -> dict[str, Any]:
    """Fingerprint the input: the hash of each file, and of all record ids in order."""
    content = hashlib.sha256()
    files = {source: source_digest(Path(source)) for source in reading.sources}
    for at, head in enumerate(reading.records.heads()):
        content.update(f"{head.source}\0{head.row}\0{head.key}\n".encode("utf-8", "replace"))
        if files.get(head.source) is None:
            content.update(reading.records.content(at))
    for broken in reading.broken:
        content.update(f"{broken.source}\0{broken.row}\0broken\n".encode("utf-8", "replace"))
    return {"sources": files, "rows": reading.rows, "content": content.hexdigest()}


def against(prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Fingerprint what the rows were held against: the hash of each file, and of all prompts."""
    content = hashlib.sha256()
    for prompt in prompts:
        content.update(f"{prompt.source}\0{prompt.row}\0{prompt.conversation.id}\n".encode())
    sources = dict.fromkeys(prompt.source for prompt in prompts)
    files = {source: source_digest(Path(source)) for source in sources}
    return {"sources": files, "prompts": len(prompts), "content": content.hexdigest()}


def source_digest(path: Path) -> str | None:
    """SHA-256 of a file, none for what is not one."""
    return file_digest(path) if path.is_file() else None


def compose(
    makes: Mapping[str, Any],
    reading: Reading,
    selection: Selection,
    work: Work,
    parts: Mapping[str, Part],
) -> dict[str, Any]:
    """Return the manifest of a finished run, as plain JSON values."""
    return {
        "mods": __version__,
        "status": "done",
        "makes": makes,
        "thresholds": dict(selection.thresholds),
        "in_order": getattr(parts["selector"].object, "in_order", False) is True,
        "rows": {
            "in": reading.rows,
            "totals": count_by_fate(selection.receipts),
            "by_stage": count_by_stage(selection.receipts),
            "selected": len(selection.records),
        },
        "tokens": tokens(selection),
        "reading": {source: view.as_dict() for source, view in reading.views.items()},
        "notices": work.progress.notices,
        "environment": environment(),
    }


def tokens(selection: Selection) -> dict[str, int] | None:
    """Return how many tokens were selected, and how many of them with the seeds; none uncounted."""
    chosen = {(r.source, r.row) for r in selection.records}
    counted = [
        (r.reason == "seed", r.tokens) for r in selection.receipts if (r.source, r.row) in chosen
    ]
    known = [(seed, number) for seed, number in counted if number is not None]
    if len(known) < len(counted):
        return None
    return {
        "pool": int(sum(r.tokens or 0 for r in selection.receipts)),
        "seeds": sum(number for seed, number in known if seed),
        "selected": sum(number for _, number in known),
    }


def environment() -> dict[str, Any]:
    """The versions and the machine that a result depends on."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "libraries": versions,
    }

"""The card of an exported data set: where it comes from, under which licence, how to remake it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mods.interfaces.exports import Exported
from mods.runs.export.selected import UNSAID
from mods.wording import printable

UNKNOWN = "unknown"
"""How the hub calls a licence that nobody has named."""
RECIPE = "recipe.toml"
REFUSED = "refused.jsonl"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""How the hub calls the sizes of data sets."""


@dataclass(frozen=True)
class Told:
    """What a card tells."""

    manifest: Mapping[str, Any]
    exported: Exported
    exporter: str
    selected: int
    refused: int
    order: str
    """`pick`, or `shuffled` with its seed."""
    licence: str | None
    """As it was given; None: nobody has said."""
    licences: Mapping[str, int]
    """Selected rows by the licence that they name themselves."""
    files: Sequence[tuple[str, str]]
    """Files of the data set with their SHA-256."""


def card(told: Told) -> str:
    """Return the README.md of a data set, with the header that the hub reads."""
    makes = told.manifest["makes"]
    sources = makes["inputs"]["sources"]
    exported = told.exported
    lines = [
        *header(told),
        f"# {shown(exported.name)}",
        "",
        f"{exported.rows:,} rows for instruction tuning, selected with mods "
        f"{told.manifest['mods']} and written for `{told.exporter}`. Order: {told.order}.",
        "",
        "## Where the rows come from",
        "",
        f"{told.manifest['rows']['in']:,} rows were read, {told.selected:,} selected, "
        f"{exported.rows:,} exported, {told.refused:,} refused"
        + (f" (`{REFUSED}` says why)." if told.refused else "."),
        "",
        "| source | SHA-256 |",
        "|---|---|",
        *(f"| {shown(named(*source))} | {source[1] or '-'} |" for source in sources.items()),
        "",
        f"All record ids in order: {makes['inputs'].get('content', '-')}",
        "",
        "## Licence",
        "",
        *licence_lines(told),
        "",
        "## How to make it again",
        "",
        f"Settings of the run: `{RECIPE}`. With the sources above:",
        "",
        "```bash",
        f"pip install mods=={told.manifest['mods']}",
        f"mods run {' '.join(quoted(named(*source)) for source in sources.items())} -o RUN"
        + option("recipe", RECIPE),
        "mods export RUN" + option("to", told.exporter) + ordering(told.order),
        "```",
        "",
        "## What made it",
        "",
        "```json",
        fenced({
            "mods": told.manifest["mods"],
            "plugins": makes.get("plugins", {}),
            "thresholds": told.manifest["thresholds"],
            "rows": told.manifest["rows"],
            "environment": told.manifest.get("environment", {}),
        }),
        "```",
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *(f"| `{name}` | {digest} |" for name, digest in told.files),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def header(told: Told) -> list[str]:
    """Return the YAML that the hub and `datasets` read; JSON texts are YAML, too."""
    size = next((name for most, name in SIZES if told.exported.rows < most), "1M<n<10M")
    return [
        "---",
        f"license: {json.dumps(licence(told))}",
        f"pretty_name: {json.dumps(printable(told.exported.name))}",
        "task_categories:",
        "- text-generation",
        "tags:",
        "- instruction-tuning",
        "- mods",
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        f"    path: {json.dumps(told.exported.data)}",
        "---",
        "",
    ]


def licence(told: Told) -> str:
    """Return the licence that was given, else the one that all rows name, else `unknown`."""
    if told.licence:
        return told.licence
    names = list(told.licences)
    return names[0] if len(names) == 1 and names[0] != UNSAID else UNKNOWN


def licence_lines(told: Told) -> list[str]:
    """Say what is known of licences, and of how many rows nothing is."""
    whole = licence(told)
    if told.licence:
        given = f"Given for the whole: {shown(whole)}."
    elif whole != UNKNOWN:
        given = f"All rows name the same: {shown(whole)}."
    else:
        given = "Nobody has named a licence for the whole: ask those who made the sources."
    rows_of = {name: rows for name, rows in told.licences.items() if name != UNSAID}
    if not rows_of:
        return [given, "The rows name none."]
    table = [f"| {shown(name)} | {rows:,} |" for name, rows in rows_of.items()]
    unsaid = told.licences.get(UNSAID, 0)
    return [given, "What the selected rows name themselves:", "", "| licence | rows |", "|---|---|",
            *table, f"| (none) | {unsaid:,} |"]  # fmt: skip


def named(source: str, digest: str | None) -> str:
    """Return the name of a file without the folders of this machine; a hub id stays whole."""
    return source if digest is None else source.replace("\\", "/").rsplit("/", 1)[-1]


def shown(text: str) -> str:
    """Return a text as it may stand in a cell of Markdown: no markup of its own."""
    plain = printable(text).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|#!" else c for c in plain)


def quoted(text: str) -> str:
    """Return a text as a shell takes it."""
    return shlex.quote(printable(text))


def fenced(value: Any) -> str:
    """Return JSON that cannot end the block it stands in."""
    return json.dumps(value, indent=2, ensure_ascii=True).replace("`", "\\u0060")


def ordering(order: str) -> str:
    """Return the options of the order."""
    kind, _, seed = order.partition(", seed ")
    return "" if kind == "pick" else option("order", kind) + option("seed", seed)


def option(name: str, value: str) -> str:
    """Return an option of a command, to follow it."""
    return f" --{name} {quoted(value)}"

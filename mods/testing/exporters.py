"""The rules of exporters."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mods.interfaces import Unscorable
from mods.interfaces.exports import JSON_LINES, Exported
from mods.testing.rules import fail, name_of, require, require_methods, same_input
from mods.testing.samples import sample_records

if TYPE_CHECKING:
    from mods.interfaces.exports import Exporter


def check_exporter(exporter: Exporter) -> None:
    """Check an exporter: a row or a reason per record, each by itself; texts by names of files."""
    require_methods(exporter, "an exporter", "rows", "files")
    name = name_of(exporter)
    records, before = sample_records(), copy.deepcopy(sample_records())
    rows = list(exporter.rows(records))
    require(same_input(records, before), name, "the records must be left as they were")
    require(len(rows) == len(records), name, "`rows` must return one row per record")
    for record, row in zip(records, rows, strict=True):
        _check_row(row, name)
        alone = list(exporter.rows([record]))
        require(alone == [row], name, "a row must not depend on the other rows")
    whole = [row for row in rows if isinstance(row, Mapping)]
    columns = tuple(dict.fromkeys(column for row in whole for column in row))
    exported = Exported("sample", getattr(exporter, "data", JSON_LINES), len(whole), columns)
    files = exporter.files(exported)
    texts = isinstance(files, Mapping) and all(
        isinstance(file, str) and isinstance(text, str) for file, text in files.items()
    )
    require(texts, name, "`files` must return texts by the names of files")
    require(exporter.files(exported) == files, name, "`files` must be the same each time")


def _check_row(row: Any, name: str) -> None:
    if isinstance(row, Unscorable):
        return
    require(isinstance(row, Mapping) and bool(row), name, "a row is an object with columns")
    try:
        json.dumps(row, allow_nan=False)
    except (TypeError, ValueError):
        fail(name, "a row must hold plain JSON values alone")

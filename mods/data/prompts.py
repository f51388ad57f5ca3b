"""Prompts: rows that ask something, in any schema; the response is a reference, and may be absent.

Test sets and benchmarks are such rows. One that cannot be read is an error, never passed over: a
prompt that nobody looks for would look like one that was not found.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mods.data.build import record_of
from mods.data.layout import Layout
from mods.data.schemas import understood
from mods.data.sources import expand_sources, is_remote, open_source
from mods.data.turns import read_turns
from mods.data.values import RowError, is_empty, native, opened, rows_of
from mods.errors import DataError
from mods.records import BrokenRow, Conversation

if TYPE_CHECKING:
    from mods.data.found import Assignment
    from mods.interfaces import Reader

REFERENCE = ("reference", "reference_answer", "references")
"""Columns of a human answer; they count before the response of the schema."""
TURNS = ("messages", "conversations")
"""Fields that hold the question and its answer in one list."""
STAND_IN = "-"
"""Stands for the answer where there is none while a row is read."""
PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question of a test set."""

    set: str
    """The name of the set: that of its file, without folder and suffix, where this is unique."""
    source: str
    """The file, folder or hub id it came from."""
    row: int
    """The row number in its source, from 1."""
    conversation: Conversation
    """What is asked."""
    reference: str | None = None
    """The answer that came with it, as plain text; None where there is none."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The row as it was read."""


def read_prompts(sources: Sequence[str], readers: Mapping[str, Reader]) -> list[Prompt]:
    """Read the prompts of all sources, in order; see `mods.data.reading.read_sources`.

    Raises `DataError` for a source that cannot be read, that holds no rows or is given twice, and
    for a row that asks nothing.
    """
    listing = expand_sources(sources, readers)
    names = set_names(listing.files)
    prompts: list[Prompt] = []
    for source in listing.files:
        layout, before = Layout(None, listing.columns.get(source)), len(prompts)
        for row in open_source(source, readers):
            try:
                if isinstance(row, BrokenRow):
                    raise RowError(row.reason)
                asked, reference = prompt_of(row.data, layout)
            except RowError as error:
                raise DataError(
                    f"{source}, row {row.row}: no prompt: {error}; mend or remove the row"
                ) from error
            prompts.append(Prompt(names[source], source, row.row, asked, reference, row.data))
        if len(prompts) == before:
            raise DataError(f"{source} holds no prompts")
    return prompts


def prompt_of(data: Mapping[str, Any], layout: Layout) -> tuple[Conversation, str | None]:
    """Return what a row asks, and the reference if it has one; `RowError` if it asks nothing."""
    if not isinstance(data, Mapping):
        raise RowError("expected an object")
    layout.check(data)
    reference = next((data[name] for name in REFERENCE if not is_blank(data.get(name))), None)
    assignment = layout.assign(data)
    if assignment is None:
        # `output` is a column of every schema whose answer stands in a column of its own.
        data = {**data, "output": None}
        assignment = layout.assign(data)
    if assignment is None:
        names = ", ".join(str(name) for name in data if name != "output") or "none"
        raise RowError(f"no field asks anything (fields: {names}; understood: {understood()})")
    answered, has_answer = with_answer(data, assignment, reference)
    record = record_of(answered, assignment)
    return record.conversation, record.response if has_answer else None


def with_answer(
    data: Mapping[str, Any], assignment: Assignment, reference: Any
) -> tuple[Mapping[str, Any], bool]:
    """Return a row with an answer, and whether it is one: a row without gets a stand-in."""
    column = assignment.columns[assignment.answer][0]
    value = native(data[column])
    answer = STAND_IN if reference is None else reference
    if assignment.answer in TURNS:
        where = f"field '{column}'"
        if "chosen" in assignment.columns or read_turns(value, where)[-1].role == "assistant":
            return data, True
        items = opened(value, where)
        if isinstance(items, Mapping):
            items = rows_of(items) or [dict(items)]
        texts = all(isinstance(item, str) for item in items)
        last = answer if texts else {"role": "assistant", "content": answer}
        return {**data, column: [*items, last]}, reference is not None
    if reference is None and not is_blank(value):
        return data, True
    return {**data, column: answer}, reference is not None


def is_blank(value: Any) -> bool:
    """Say whether a cell holds nothing, or blanks."""
    return is_empty(value) or (isinstance(value, str) and not value.strip())


def set_names(sources: Sequence[str]) -> dict[str, str]:
    """Name the set of each source: its file without folder and suffix, else the source itself."""
    short = {source: short_name(source) for source in sources}
    names = list(short.values())
    return {source: name if names.count(name) == 1 else source for source, name in short.items()}


def short_name(source: str) -> str:
    """Return the name of a file without folder and suffix; a hub id stays as it is."""
    if not is_remote(source) and not os.path.exists(source):
        return source
    name = os.path.basename(source.rstrip("/"))
    stem, suffix = os.path.splitext(name)
    return (os.path.splitext(stem)[0] if suffix.lower() in PACKED else stem) or source

"""How a source was read: schemas, columns, and what of its rows was not used; said in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mods.data.fields import LOUD

if TYPE_CHECKING:
    from mods.data.found import Assignment
    from mods.records import Message, Record

ASIDE = ("rejected",)
"""Fields that are kept with the row but are no part of the conversation."""


@dataclass
class SourceView:
    """What was seen of one source."""

    schemas: Counter[str] = field(default_factory=Counter)
    """Rows that became records (or duplicates), by schema."""
    columns: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By schema: the columns that served each field."""
    unused: Counter[str] = field(default_factory=Counter)
    """Columns that serve no field, with the rows in which they hold something."""
    parts: Counter[str] = field(default_factory=Counter)
    """Rows whose conversation has more than texts: `tools`, `tool calls`, `reasoning`, `media`."""
    ignored: set[str] = field(default_factory=set)
    """Keys of turns that are not read, as `messages[].refusal`."""
    rows: Counter[Assignment] = field(default_factory=Counter, repr=False)
    """Rows that became records, by which columns served which fields."""

    def look_at(self, record: Record) -> None:
        """Note what a conversation holds besides texts."""
        turns = record.messages
        if not all(turn.plain for turn in turns) or any(turn.role == "tool" for turn in turns):
            self.parts.update(parts_of(turns))
        if record.conversation.tools:
            self.parts["tools"] += 1

    def settle(self) -> None:
        """Add up what was noted row by row."""
        for assignment, rows in self.rows.items():
            name = assignment.schema
            self.schemas[name] += rows
            served = self.columns.setdefault(name, {})
            for field_name, columns in assignment.columns.items():
                known = served.setdefault(field_name, [])
                known += [column for column in columns if column not in known]
            self.unused.update(dict.fromkeys(assignment.unused, rows))
        self.rows.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, for the manifest."""
        return {
            "schemas": dict(self.schemas),
            "columns": self.columns,
            "unused": dict(self.unused),
            "ignored": sorted(self.ignored),
            "parts": dict(self.parts),
        }

    def told(self, source: str) -> list[str]:
        """Say how the source was read; a second line where something weighty was not used."""
        if not self.schemas:
            return []
        read = "; ".join(f"{name}: {self._columns(name)}" for name in self.schemas)
        aside = {
            column
            for served in self.columns.values()
            for name in ASIDE
            for column in served.get(name, ())
        }
        line = f"{source}: read as {read}"
        if aside:
            line += f"; kept aside: {', '.join(sorted(aside))}"
        quiet = [*(name for name in self.unused if not is_loud(name)), *self.ignored]
        if quiet:
            line += f"; not used: {', '.join(sorted(quiet))}"
        lines = [line]
        loud = sorted(name for name in self.unused if is_loud(name))
        if loud:
            rows = ", ".join(f"{name} (in {self.unused[name]:,} rows)" for name in loud)
            lines.append(
                f"{source}: NOT USED, though such a column usually carries meaning: {rows}; "
                f"give it a part with `columns` FIELD={loud[0]}, or drop the column"
            )
        if self.parts:
            found = ", ".join(
                f"{name} in {rows:,} rows" for name, rows in sorted(self.parts.items())
            )
            lines.append(f"{source}: the conversations hold {found}")
        return lines

    def _columns(self, schema: str) -> str:
        served = self.columns[schema]
        return ", ".join(
            f"{name}={'+'.join(columns)}" for name, columns in served.items() if name not in ASIDE
        )


def is_loud(column: str) -> bool:
    """Say whether a column usually carries meaning, by its name."""
    return column.strip().lower() in LOUD


def parts_of(turns: tuple[Message, ...]) -> set[str]:
    """Return which parts beside texts some turns have."""
    found = set()
    for turn in turns:
        if turn.tool_calls or turn.role == "tool":
            found.add("tool calls")
        if turn.reasoning:
            found.add("reasoning")
        if turn.media:
            found.add("media")
        if turn.weight is not None:
            found.add("weights")
    return found

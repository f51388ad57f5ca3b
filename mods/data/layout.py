"""The layout of a source: what the user said about its rows, and rows turned into records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mods.data.columns import FIELDS, Columns
from mods.data.schemas import SCHEMAS, understood
from mods.data.values import RowError
from mods.errors import SettingsError
from mods.records import Record
from mods.wording import quoted


@dataclass(frozen=True)
class Layout:
    """What the user said about the rows: nothing (each row is recognised), a schema, columns."""

    schema: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column by field, for the fields that are not where `FIELDS` looks."""

    def __post_init__(self) -> None:
        """Settle the schema that the columns imply; `SettingsError` if there is none."""
        check_names(self.schema, self.columns)
        if self.columns and self.schema is None:
            object.__setattr__(self, "schema", schema_with(self.columns))

    def recognise(self, data: Mapping[str, Any]) -> str | None:
        """Return the schema whose required columns the row has, or None.

        Columns with a value come before columns that are merely there: a table of mixed rows has
        all columns in every row, null where they do not apply.
        """
        candidates = [SCHEMAS[self.schema]] if self.schema else list(SCHEMAS.values())
        found = Columns(data, self.columns)
        for has in (found.has_value, found.has_column):
            for schema in candidates:
                if all(map(has, schema.required)):
                    return schema.name
        return None

    def to_record(
        self, data: Mapping[str, Any], schema: str | None, *, source: str = "", row: int = 0
    ) -> Record:
        """Turn a row into a record; `schema` is what `recognise` returned.

        Raises `RowError` with the reason if the row cannot be one.
        """
        found = Columns(data, self.columns)
        if schema is None:
            raise RowError(missing(found, self.schema))
        for name in data:
            if not isinstance(name, str):
                raise RowError(f"the name of a field should be text, found {quoted(name)}")
        messages, instruction, input = SCHEMAS[schema].build(found)
        if not messages[-1].content.strip():
            raise RowError(f"the response is empty ({SCHEMAS[schema].response_in(found)})")
        return Record.from_turns(messages, instruction, input, source=source, row=row, raw=data)


def check_names(schema: str | None, columns: Mapping[str, str]) -> None:
    """Raise `SettingsError` for a schema or a field that does not exist."""
    if schema is not None and schema not in SCHEMAS:
        raise SettingsError(f"there is no schema {schema!r}: choose from {', '.join(SCHEMAS)}")
    known = SCHEMAS[schema].required + SCHEMAS[schema].optional if schema else tuple(FIELDS)
    for name in columns:
        if name not in known:
            of = f" of schema {schema}" if schema else ""
            raise SettingsError(
                f"`columns`: there is no field {name!r}{of}: choose from {', '.join(known)}"
            )


def schema_with(fields: Iterable[str]) -> str:
    """Return the one schema that has all `fields`; `SettingsError` if none or several do."""
    wanted = set(fields)
    names = [s.name for s in SCHEMAS.values() if wanted <= {*s.required, *s.optional}]
    if len(names) != 1:
        raise SettingsError(
            f"`columns`: the fields {', '.join(sorted(wanted))} belong to "
            f"{'several schemas' if names else 'no one schema'}: "
            + ("add `schema`, one of " + ", ".join(names) if names else understood())
        )
    return names[0]


def missing(columns: Columns, schema: str | None) -> str:
    """Say which required fields a row lacks, going by `schema` or else the nearest one."""
    candidates = [SCHEMAS[schema]] if schema else list(SCHEMAS.values())
    lacking = [
        [columns.column(f) for f in s.required if not columns.has_column(f)] for s in candidates
    ]
    near = min(range(len(candidates)), key=lambda i: len(lacking[i]) / len(candidates[i].required))
    found = ", ".join(columns.names[:20]) or "none"
    if len(lacking[near]) == len(candidates[near].required) and schema is None:
        return f"no field of any schema (fields: {found})"
    names = " and ".join(f"'{name}'" for name in lacking[near])
    plural = "s" if len(lacking[near]) > 1 else ""
    return f"missing field{plural} {names} of schema {candidates[near].name} (fields: {found})"

"""The layout of rows: which column serves which field, found out once for rows that are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mods.data.fields import FIELDS, SEVERAL
from mods.data.found import Assignment
from mods.data.schemas import SCHEMAS, Schema, understood
from mods.data.values import RowError, is_empty
from mods.errors import SettingsError
from mods.wording import quoted

SHOWN = 20
"""So many columns are named in a message."""


class Layout:
    """What the user said about the rows (nothing, a schema, columns), and what was found out."""

    def __init__(self, schema: str | None = None, columns: Mapping[str, str] | None = None) -> None:
        self.columns = dict(columns or {})
        """Column by field, for fields that are not where `FIELDS` looks."""
        check_names(schema, self.columns)
        self.schema = schema or (schema_with(self.columns) if self.columns else None)
        self._names = {f: (self.columns[f],) if f in self.columns else n for f, n in FIELDS.items()}
        self._known: dict[Any, Assignment | None] = {}

    def assign(self, data: Mapping[str, Any]) -> Assignment | None:
        """Return which column serves which field, or None if the row fits no schema."""
        values = data.values()
        try:
            same = (*data, *map(type, values), *map(bool, values))
            return self._known[same]
        except (KeyError, ValueError, TypeError):  # not seen yet; has no truth (arrays, nulls)
            pass
        alike = alike_by(data)
        if alike not in self._known:
            self._known[alike] = self._assign(data)
        return self._known[alike]

    def _assign(self, data: Mapping[str, Any]) -> Assignment | None:
        """Hold the row against every schema: columns with something in them come first."""
        if not all(isinstance(name, str) for name in data):
            return None  # `check` says why
        schemas = [SCHEMAS[self.schema]] if self.schema else list(SCHEMAS.values())
        filled = [name for name, value in data.items() if not is_empty(value)]
        for there in (filled, list(data)):
            for schema in schemas:
                columns = self._columns(schema, there, filled)
                if columns is not None:
                    used = {column for found in columns.values() for column in found}
                    unused = tuple(str(name) for name in filled if name not in used)
                    return schema.assigned(columns, unused)
        return None

    def _columns(
        self, schema: Schema, there: Iterable[str], filled: Iterable[str]
    ) -> dict[str, tuple[str, ...]] | None:
        """Give each field its columns, none to two fields; None if a required one has none."""
        taken: set[str] = set(self.columns.values())
        spelt = {id(of): {name.strip().lower(): name for name in of} for of in (there, filled)}
        columns: dict[str, tuple[str, ...]] = {}
        for field, of, needed in self._wanted(schema, there, filled):
            spelling = spelt[id(of)]
            free = [spelling[n] for n in self._names[field] if n in spelling]
            free = [n for n in free if n not in taken]
            if field in self.columns:
                free = [self.columns[field]] if self.columns[field] in of else []
            found = tuple(free) if field in SEVERAL else tuple(free[:1])
            if needed and not found:
                return None
            if found:
                columns[field] = found
                taken.update(found)
        return columns

    @staticmethod
    def _wanted(
        schema: Schema, there: Iterable[str], filled: Iterable[str]
    ) -> Iterator[tuple[str, Iterable[str], bool]]:
        yield from ((field, there, True) for field in schema.required)
        yield from ((field, filled, False) for field in schema.optional)

    def check(self, data: Mapping[str, Any]) -> None:
        """Raise `RowError` for a row whose columns have no names."""
        for name in data:
            if not isinstance(name, str):
                raise RowError(f"the name of a field should be text, found {quoted(name)}")

    def missing(self, data: Mapping[str, Any]) -> str:
        """Say which required fields a row lacks, going by the schema or else the nearest one."""
        schemas = [SCHEMAS[self.schema]] if self.schema else list(SCHEMAS.values())
        there = {*data, *(str(name).strip().lower() for name in data)}
        lacking = [
            [
                self.columns.get(field, field)
                for field in schema.required
                if not any(name in there for name in self._names[field])
            ]
            for schema in schemas
        ]

        def far(at: int) -> tuple[float, int]:
            needed = schemas[at].required
            return len(lacking[at]) / len(needed), -sum(name in there for name in needed)

        near = min(range(len(schemas)), key=far)
        found = ", ".join(str(name) for name in list(data)[:SHOWN]) or "none"
        if len(lacking[near]) == len(schemas[near].required) and self.schema is None:
            return f"no field of any schema (fields: {found})"
        names = " and ".join(f"'{name}'" for name in lacking[near])
        plural = "s" if len(lacking[near]) > 1 else ""
        return f"missing field{plural} {names} of schema {schemas[near].name} (fields: {found})"

    @property
    def described(self) -> str:
        """Say what rows did not fit."""
        if self.schema is None:
            return "no schema"
        columns = ", ".join(f"{field}={column}" for field, column in self.columns.items())
        return f"not the schema {self.schema}" + (f" with {columns}" if columns else "")


def alike_by(data: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two rows have in common that are read alike.

    That is the names of their columns, and which of them hold something: for most types of value
    Python's own truth tells, with the type.
    """
    values = data.values()
    if TOLD_BY_TRUTH.issuperset(map(type, values)):
        return (*data, *map(type, values), *map(bool, values))
    return (*data, *map(is_empty, values))


TOLD_BY_TRUTH = frozenset({str, int, bool, type(None), list, dict, tuple})


def check_names(schema: str | None, columns: Mapping[str, str]) -> None:
    """Raise `SettingsError` for a schema or field that does not exist, or a column named twice."""
    if schema is not None and schema not in SCHEMAS:
        raise SettingsError(f"there is no schema {schema!r}: choose from {', '.join(SCHEMAS)}")
    known = SCHEMAS[schema].required + SCHEMAS[schema].optional if schema else tuple(FIELDS)
    for name in columns:
        if name not in known:
            of = f" of schema {schema}" if schema else ""
            raise SettingsError(
                f"`columns`: there is no field {name!r}{of}: choose from {', '.join(known)}"
            )
    if len(set(columns.values())) < len(columns):
        raise SettingsError("`columns`: a column can serve one field only; name each column once")


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

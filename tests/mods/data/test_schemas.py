from __future__ import annotations

from mods.data import schemas
from mods.data.schemas import COMMON, SCHEMAS, understood


def test_every_schema_is_described():
    assert all(f"{name} (" in understood() for name in SCHEMAS)
    assert "alpaca (instruction, output; optional input, choices)" in understood()
    assert all(f"| `{name}`" in (schemas.__doc__ or "") for name in SCHEMAS)


def test_every_schema_takes_what_all_take():
    assert all(set(COMMON) <= set(schema.optional) for schema in SCHEMAS.values())
    assert all(not set(s.required) & set(s.optional) for s in SCHEMAS.values())

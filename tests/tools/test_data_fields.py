from __future__ import annotations

import importlib.util
from pathlib import Path

from mods.data.schemas import SCHEMAS

PATH = Path(__file__).parents[2] / "tools" / "data_fields.py"


def test_the_page_on_data_lists_every_field_schema_and_column():
    spec = importlib.util.spec_from_file_location("data_fields", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert module.page() == text, "run python tools/data_fields.py"
    assert all(f"| `{name}` |" in text for name in SCHEMAS)

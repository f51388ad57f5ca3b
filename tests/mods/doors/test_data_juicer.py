"""The operator of Data-Juicer, with a stand-in for what it needs of Data-Juicer.

`tools/trainers_check.py` has the real package run it.
"""

import importlib
import sys
from types import ModuleType

import datasets
import pytest
from conftest import make_rows
from support.pages import ROOT

from mods import SettingsError
from mods.settings.recipes import parse_toml


@pytest.fixture
def operators(monkeypatch):
    """What is registered once Data-Juicer has imported the door."""
    found = {}
    base = ModuleType("data_juicer.ops.base_op")

    class Operators:
        def register_module(self, name):
            return lambda operator: found.setdefault(name, operator)

    class Selector:
        def __init__(self, **options):
            self.options = options

    base.OPERATORS, base.Selector = Operators(), Selector
    for name in ("data_juicer", "data_juicer.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "data_juicer.ops.base_op", base)
    monkeypatch.delitem(sys.modules, "mods.doors.data_juicer", raising=False)
    project = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject")
    importlib.import_module(project["project"]["entry-points"]["data_juicer.ops"]["mods"])
    yield found
    sys.modules.pop("mods.doors.data_juicer", None)


QUICK = {"quality": "response-length", "embedder": "tfidf", "alpha": "top 80%", "quiet": True}


def test_it_keeps_the_rows_that_mods_selects(operators, tmp_path, rows):
    import mods

    settings = {**QUICK, "seeds": 5, "budget": 5, "cache": str(tmp_path / "cache")}
    operator = operators["mods_selector"](
        recipe="offline", settings=settings, output=str(tmp_path / "run"), text_key="output"
    )
    assert operator.options == {"text_key": "output"}
    marked = [{**row, "mine": i, "__dj__stats__": {"n": i}} for i, row in enumerate(rows)]
    kept = list(operator.process(datasets.Dataset.from_list(marked)))
    chosen = mods.select(rows, recipe="offline", **settings).rows
    assert [{name: row[name] for name in rows[0]} for row in kept] == chosen
    assert all(marked[row["mine"]] == row for row in kept)
    assert len(mods.open_run(tmp_path / "run").rows) == 5


def test_what_the_user_can_fix_is_told(operators):
    operator = operators["mods_selector"](settings={"budgte": 3})
    with pytest.raises(SettingsError, match="budgte"):
        operator.process(datasets.Dataset.from_list(make_rows()))

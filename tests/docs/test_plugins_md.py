"""docs/plugins.md: it names every hook, and every example of it runs."""

import re
import sys
from pathlib import Path

import pytest

from mods import hookspecs
from mods.interfaces import KINDS, Weights
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
EXAMPLES = {
    re.match(r"# (\w+\.py)\n", block)[1]: block
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
}
PLUGINS = [name for name, block in EXAMPLES.items() if "@hookimpl" in block]


@pytest.fixture
def folder(tmp_path):
    """The examples as files."""
    place = tmp_path / "examples"
    place.mkdir()
    for name, block in EXAMPLES.items():
        (place / name).write_text(block, encoding="utf-8")
    return place


@pytest.fixture
def registry(folder):
    """All examples loaded, and nothing else."""
    files = tuple(folder / name for name in PLUGINS)
    return load_plugins(Sources(files=files, defaults=()))


def test_every_hook_has_a_heading():
    hooks = [name for name in vars(hookspecs) if name.startswith("register_")]
    headings = re.findall(r"^### `(register_\w+)`$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(hooks)


@pytest.mark.parametrize("name", PLUGINS)
def test_every_example_loads_by_itself(folder, name):
    alone = load_plugins(Sources(files=(folder / name,), defaults=()))
    registered = [plugin.name for plugin in alone]
    names = re.findall(r'^    register\("([\w-]+)"', EXAMPLES[name], re.MULTILINE)
    assert registered == names
    assert list(alone.commands(()).commands) == re.findall(r'cli\.command\("(\w+)"', EXAMPLES[name])


def test_every_kind_has_an_example(registry):
    assert {plugin.kind for plugin in registry} == {kind.name for kind in KINDS}


@pytest.mark.parametrize("executor", ["processes", "processes:workers=1"])
def test_the_examples_together_make_a_selection(registry, rows, tmp_path, executor):
    from mods.api.select import run
    from mods.progress import Progress
    from mods.settings.layers import make_settings

    settings = make_settings(
        (
            "test",
            {
                "quality": "pattern:pattern=[a-m]", "alpha": "top 90%", "embedder": "letters",
                "selector": "best", "seeds": 8, "budget": 14, "model": "none",
                "trainer": "nearest", "generator": "nearest", "necessity": "shared-words",
                "beta": "bottom 50%", "executor": executor,
            },
        )
    )  # fmt: skip
    selection = run(
        rows,
        settings,
        registry,
        cache=tmp_path / "cache",
        progress=Progress(quiet=True),
        output=None,
        strict=True,
        overwrite=False,
    )
    reasons = [receipt.reason for receipt in selection.receipts if receipt.fate == "selected"]
    assert (reasons.count("seed"), reasons.count("necessary")) == (8, 6)


def make(registry, kind, **options):
    """Make the example of a kind."""
    (plugin,) = [p for p in registry if p.kind == kind]
    return plugin.factory(**options)


def test_the_examples_keep_the_rules(registry, tmp_path):
    from mods.testing import CHECKS, sample_records

    for kind in ("embedder", "selector", "necessity", "executor", "arm", "evaluator", "exporter"):
        CHECKS[kind](make(registry, kind))
    for name in ("questions", "pattern"):
        CHECKS["quality"](registry.get("quality", name).factory())
    CHECKS["trainer"](make(registry, "trainer", model="none"))
    path = make(registry, "trainer", model="none").train(sample_records()[:5], tmp_path)
    CHECKS["generator"](make(registry, "generator", model="none"), Weights(path, {}))
    source = tmp_path / "a.faq"
    source.write_text("Who? | Me.\nno bar\n")
    CHECKS["reader"](make(registry, "reader"), str(source))


def test_the_test_on_the_page_passes(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    names: dict[str, object] = {}
    exec(compile(EXAMPLES["test_my_scorer.py"], "test_my_scorer.py", "exec"), names)
    try:
        names["test_questions"]()
    finally:
        sys.modules.pop("my_scorer")

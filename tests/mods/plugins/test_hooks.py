"""Hooks are pluggy's: wrappers and ordering work, and a failure names the module it is in."""

import pytest
from conftest import LOCAL, TOY

from mods import PluginError
from mods.api import inputs
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.progress import Progress

AROUND = """
from mods import hookimpl

@hookimpl(wrapper=True)
def register_quality_scorers(register):
    register("before", list)
    seen.append("before")
    result = yield
    seen.append("after")
    register("after", list)
    return result

seen = []
"""
SCORER = """
from mods import hookimpl

@hookimpl
def register_quality_scorers(register):
    register("{name}", list)
"""
READER = """
from mods import RawRow, hookimpl

class Lines:
    def matches(self, source):
        return source.endswith(".lines")

    def read(self, source):
        yield RawRow(1, {{"instruction": "who read this?", "output": "{name}"}})

@hookimpl({order})
def register_readers(register):
    register("{name}", Lines)
"""


@pytest.fixture
def load(tmp_path):
    """Load plug-in files of these contents, in this order, after the toy plug-ins."""

    def loaded(**contents):
        files = [TOY, LOCAL]
        for name, content in contents.items():
            files.append(tmp_path / f"{name}.py")
            files[-1].write_text(content)
        return load_plugins(Sources(files=tuple(files), defaults=()))

    return loaded


def test_a_wrapper_runs_once_around_all_registrations_of_its_kind(load):
    registry = load(around=AROUND, scorer=SCORER.format(name="mine"))
    names = registry.names("quality")
    assert (names[0], names[-1]) == ("before", "after")
    assert set(names[1:-1]) == {"mine", "toy-length"}
    assert registry.get("quality", "before").origin.module.endswith("around.py")
    assert registry.get("quality", "mine").origin.module.endswith("scorer.py")
    assert registry.get("quality", "before").factory is list


def test_a_wrapper_of_commands_sees_those_of_other_plugins(load):
    registry = load(
        around="""
from mods import hookimpl

@hookimpl(wrapper=True)
def register_commands(cli):
    yield
    cli.command("mine")(lambda: None)
"""
    )
    assert list(registry.commands([]).commands) == ["toy-hello", "mine"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("tryfirst=True", ["mine", "later", "toy-lines"]),
        ("", ["later", "mine", "toy-lines"]),
        ("trylast=True", ["later", "toy-lines", "mine"]),
    ],
)
def test_tryfirst_and_trylast_order_readers(order, names, load, tmp_path):
    registry = load(
        mine=READER.format(name="mine", order=order), later=READER.format(name="later", order="")
    )
    assert registry.names("reader") == names
    (tmp_path / "a.lines").write_text("toy-lines\n")
    reading = inputs.read_data(tmp_path / "a.lines", registry, inputs.How(), Progress(quiet=True))
    assert reading.records[0].response == names[0]


FAILS = "\n@hookimpl\ndef register_quality_scorers(register):\n    return 1 / 0\n"


def test_a_failing_hook_is_named_by_its_module(load):
    with pytest.raises(PluginError, match=r"broken\.py failed in register_quality_scorers: Zero"):
        load(broken="from mods import hookimpl" + FAILS)


def test_a_failing_hook_keeps_its_name_through_a_wrapper(load):
    with pytest.raises(PluginError, match=r"^\S+broken\.py failed in register_quality_scorers"):
        load(broken="from mods import hookimpl" + FAILS, around=AROUND)


@pytest.mark.parametrize("before", ["    1 / 0\n    yield\n", "    yield\n    1 / 0\n"])
def test_a_failing_wrapper_is_named_itself(before, load):
    wrapper = "from mods import hookimpl\n@hookimpl(wrapper=True)\ndef register_embedders():\n"
    with pytest.raises(PluginError, match=r"around\.py failed in register_embedders: ZeroDiv"):
        load(around=wrapper + before, scorer=SCORER.format(name="mine"))


def test_a_hook_that_yields_without_being_a_wrapper_is_refused(load):
    with pytest.raises(PluginError, match=r"around\.py.*register_quality_scorers.*wrapper=True"):
        load(around=AROUND.replace("(wrapper=True)", ""))


def test_a_command_may_not_take_the_name_of_another(load):
    registry = load(
        other="""
from mods import hookimpl

@hookimpl(trylast=True)
def register_commands(cli):
    cli.command("toy-hello")(lambda: None)
"""
    )
    with pytest.raises(PluginError, match=r"other\.py replaces the command 'toy-hello'"):
        registry.commands([])
    with pytest.raises(PluginError, match=r"toy\.py replaces the command 'toy-hello'"):
        registry.commands(["toy-hello"])

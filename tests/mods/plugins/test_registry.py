"""Plug-ins by kind and name, and the mistakes of asking for one."""

import pytest
from conftest import HERE

from mods import PluginError, SettingsError
from mods.plugins.origin import Origin
from mods.settings.choice import Choice


def make(path, *, size=3, seed=0):
    """A factory with a required option, one with a default, and one that the run knows."""


@pytest.fixture
def plugin(registry):
    registry.register("quality", HERE, "mine", make)
    return registry.get("quality", "mine")


def test_a_name_registered_twice_names_both(registry):
    registry.register("quality", HERE, "mine", list)
    with pytest.raises(PluginError, match="'mine': one in this test, one in elsewhere; rename"):
        registry.register("quality", Origin("elsewhere", "other", "2"), "mine", list)
    registry.register("embedder", HERE, "mine", list)  # another kind is another name


def test_unknown_names_are_told_with_what_there_is(registry):
    with pytest.raises(SettingsError, match=r"toy-lenght.*did you mean 'toy-length'.*there are: "):
        registry.get("quality", "toy-lenght")


def test_options_are_defaults_then_the_run_then_what_was_given(plugin):
    options = plugin.options(Choice("mine", {"path": "x"}), {"seed": 7, "model": "not asked for"})
    assert options == {"path": "x", "size": 3, "seed": 7}
    assert plugin.options(Choice("mine", {"path": "x", "seed": 1}), {"seed": 7})["seed"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pth": "x"}, r"no option 'pth' \(did you mean 'path'\?\); it has: path, size, seed"),
        ({}, "needs the option 'path': write mine:path=…"),
    ],
)
def test_a_wrong_or_missing_option_is_told_with_what_there_is(options, message, plugin):
    with pytest.raises(SettingsError, match=message):
        plugin.options(Choice("mine", options), {})


def test_a_factory_that_takes_any_option_is_given_what_was_chosen(registry):
    registry.register("quality", HERE, "any", lambda **options: options)
    assert registry.get("quality", "any").options(Choice("any", {"a": 1}), {"seed": 2}) == {"a": 1}

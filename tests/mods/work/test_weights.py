"""Weights: trained once, found again, with what was noticed on the way."""

import warnings

import pytest
from conftest import HERE

from mods import PluginError, Record
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.work.weights import noticed_of, train

ROWS = [Record.from_instruction("a question", "an answer")]


class Trainer:
    """A trainer that warns, and finds finished weights."""

    def identity(self):
        return {}

    def train(self, records, folder):
        if not (folder / "done").exists():
            warnings.warn("one row was cut", stacklevel=1)
            (folder / "done").write_text(records[0].response)
        return folder / "done"


@pytest.fixture
def trainer(registry):
    def made(factory):
        registry.register("trainer", HERE, "mine", factory)
        return Part.choose(registry, "trainer", Choice("mine"), {})

    return made


@pytest.mark.filterwarnings("always")
def test_weights_are_found_again_with_what_was_noticed(trainer, work):
    part = trainer(Trainer)
    first, again = (train(part, ROWS, {"a": 1}, work) for _ in range(2))
    assert first == again
    assert first.path.read_text() == "an answer"
    assert first.path.is_relative_to(work.cache)
    assert noticed_of({"a": 1}, ROWS, work) == (["one row was cut"], [])
    assert train(part, ROWS, {"a": 2}, work).path != first.path


@pytest.mark.parametrize("returned", [None, "no-such-folder"])
def test_a_trainer_that_returns_no_place_that_exists_is_refused(returned, trainer, work):
    part = trainer(type("Odd", (Trainer,), {"train": lambda self, records, folder: returned}))
    with pytest.raises(PluginError, match=r"'mine' .*train\(\) returned .*; expected the path"):
        train(part, ROWS, {}, work)

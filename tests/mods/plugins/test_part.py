"""A plug-in at work: data that can be sent elsewhere, and an object made where it works."""

import pickle
from pathlib import Path

import pytest
from conftest import HERE

from mods import DataError, PluginError, SettingsError
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.plugins.part import Part, PartTask, as_they_are
from mods.settings.choice import Choice
from mods.settings.options import Tuning

PLUGIN = """
from mods import hookimpl

@hookimpl
def register_quality_scorers(register):
    register("mine", dict)
"""


class Scorer:
    """A quality scorer that says what it was made with."""

    def __init__(self, factor=1, tuning=None):
        self.factor = factor

    def score(self, records):
        return [self.factor] * len(records)


@pytest.fixture
def part(registry):
    """Make a part of some class."""

    def made(factory=Scorer, **options):
        registry.register("quality", HERE, "mine", factory)
        return Part.choose(registry, "quality", Choice("mine", options), {})

    return made


def test_a_part_is_pickled_without_its_object(registry):
    chosen = Part.choose(registry, "trainer", Choice("toy-trainer"), {"model": "m", "seed": 3})
    made, before = chosen.object, pickle.dumps(chosen)
    made.big = list(range(10_000))
    assert pickle.dumps(chosen) == before
    again = pickle.loads(before)
    assert "object" not in vars(again)
    assert (again.options, again.identity) == (chosen.options, chosen.identity)
    assert again.object is not made


def test_a_part_of_another_version_is_refused_where_it_is_unpacked(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    made = Part.choose(load_plugins(Sources(files=(file,))), "quality", Choice("mine"), {})
    sent = pickle.dumps(made)
    file.write_text(PLUGIN + "# changed since\n")
    with pytest.raises(PluginError, match=r"'mine' .* is another version where the work is done"):
        pickle.loads(sent)


def test_a_part_of_a_relative_path_is_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(PLUGIN)
    sources = Sources(files=(Path("mine.py"),))
    sent = pickle.dumps(Part.choose(load_plugins(sources), "quality", Choice("mine"), {}))
    monkeypatch.chdir("/")
    assert pickle.loads(sent).name == "mine"


def test_an_object_without_the_method_of_its_kind_is_refused_by_name(part):
    with pytest.raises(PluginError, match=r"'mine' \(this test\) is a dict without score\(\) or "):
        part(dict).object  # noqa: B018


def test_a_factory_that_fails_is_named_unless_it_says_what_to_fix(part, registry):
    with pytest.raises(PluginError, match=r"'mine' .* could not be made: TypeError"):
        part(lambda: None + 1).object  # noqa: B018

    def picky():
        raise SettingsError("no such model")

    registry.register("quality", HERE, "picky", picky)
    with pytest.raises(SettingsError, match=r"^no such model$"):
        Part.choose(registry, "quality", Choice("picky"), {}).object  # noqa: B018


def test_what_fails_in_a_call_is_told_with_the_name_of_the_plugin(part):
    chosen = part()
    with pytest.raises(PluginError, match=r"'mine' .* failed: ZeroDivisionError"):
        chosen.call(lambda: 1 / 0)

    def unreadable():
        raise DataError("row 3 is odd")

    with pytest.raises(DataError, match=r"'mine' \(this test\): row 3 is odd"):
        chosen.call(unreadable)
    with pytest.raises(PluginError, match=r"'mine' .* failed: ZeroDivisionError"):
        list(chosen.each(1 / n for n in (1, 0)))


def test_the_identity_is_what_the_plugin_says_or_all_its_options(part, registry):
    assert part(factor=2, tuning=Tuning(epochs=5)).identity["identity"]["tuning"]["epochs"] == 5
    toy = Part.choose(registry, "generator", Choice("toy-generator"), {"model": "m"})
    assert toy.identity["identity"] == {"model": "m"}
    assert toy.identity["version"].startswith("sha256:")


@pytest.mark.parametrize(
    ("member", "value", "ask"),
    [
        ("chunk_size", 0, lambda part: part.chunk_size()),
        ("chunk_size", "8", lambda part: part.chunk_size()),
        ("needs", "embeddings", lambda part: part.needs(())),
        ("needs", (1,), lambda part: part.needs(())),
    ],
)
def test_a_member_that_makes_no_sense_is_refused(member, value, ask, part):
    chosen = part(type("Odd", (Scorer,), {member: value}))
    with pytest.raises(PluginError, match=f"'mine' .*: {member} is .*; expected"):
        ask(chosen)


def test_a_task_fits_once_before_its_first_chunk_wherever_it_runs(part):
    seen = []

    class Fitted(Scorer):
        def fit(self, texts):
            seen.append(texts)

    task = PartTask(part(Fitted), "score", as_they_are, fit=["a", "b"])
    assert [task.run(chunk).values for chunk in ([1, 2], [3])] == [[1, 1], [1]]
    assert seen == [["a", "b"]]
    assert "_fitted" not in task.__getstate__()

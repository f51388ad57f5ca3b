import json

from conftest import HERE

from mods.selection.plan import most_passing, plan
from mods.selection.stage import choose_parts
from mods.settings.threshold import Threshold


class Served:
    """A generator of a model that is served as it is."""

    takes_weights = False

    def identity(self):
        return {}

    def answers(self, conversations, weights):
        return [c.prompt for c in conversations]


def test_the_rows_that_can_pass_a_threshold():
    for text, most in (("0.5", 200), ("top 30%", 60), ("top 50", 50), ("top 999", 200)):
        assert most_passing(200, Threshold.parse(text, setting="alpha", side="top")) == most


def test_a_dry_run_reads_checks_and_does_nothing(mods, toy_run, data, tmp_path, monkeypatch):
    monkeypatch.setenv("MODS_TOY_LOG", str(tmp_path / "log"))
    arguments = toy_run(data, tmp_path / "run", "--dry-run")
    shown = mods(*arguments).output
    assert "rows in 42 = 40 records + 1 duplicates + 1 broken" in shown
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "log").exists()
    found = json.loads(mods(*arguments, "--json").output)
    steps = [(s["stage"], s["work"], s["part"], s["rows"]) for s in found["steps"]]
    assert steps == [
        ("quality", "score", "toy-length", 40),
        ("coverage", "embed", "toy-letters", 30),
        ("coverage", "select", "toy-spread", 30),
        ("necessity", "tune", "toy-trainer", 8),
        ("necessity", "answer", "toy-generator", 22),
        ("necessity", "review", "toy-known", 22),
        ("necessity", "select", "toy-spread", 30),
    ]
    assert found["rows"] == {"in": 42, "records": 40, "duplicates": 1, "broken": 1}


def test_nothing_is_tuned_where_the_generator_takes_no_weights(registry, toy_settings):
    registry.register("generator", HERE, "served", Served)
    settings = toy_settings(generator="served")
    works = [step.work for step in plan(40, settings, choose_parts(registry, settings))]
    assert works == ["score", "embed", "select", "answer", "review", "select"]


def test_a_dry_run_tells_a_mistake_and_needs_no_folder(mods, data, tmp_path):
    plain = ["run", data, "--quality", "response-length", "--embedder", "tfidf", "--seeds", "4"]
    mods(*plain, "--budget", "4", "--dry-run")
    wrong = ["--budget", "8", "--model", "./modle", "--necessity", "loss", "--dry-run"]
    assert "./modle: there is no such folder" in mods(*plain, *wrong, code=1).output

"""Measures: what each needs of its prompts, what it is kept by, and whether it is independent."""

import math

import numpy as np
import pytest
from conftest import HERE

from mods import PluginError, Record, Scale, SettingsError, Unscorable
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.verdicts.measures.measure import Measure, models_in
from mods.work.work import Results

PROMPTS = [
    Record.from_instruction("add", "", raw={"check": 3}),
    Record.from_instruction("name", "oak"),
    Record.from_instruction("tell", "a tale"),
]


class Model:
    def __init__(self):
        self.answering = {"weights": None}

    def answers(self, records):
        fails = Unscorable("too long")
        return Results([fails if r.instruction == "tell" else "oak" for r in records], [])


class Exact:
    needs = ("answers", "references")
    fields = ("check",)

    def scale(self):
        return Scale("share", "higher", (0, 1))

    def evaluate(self, prompts, evidence):
        return [float(p.response == a) for p, a in zip(prompts, evidence.answers, strict=True)]


@pytest.fixture
def measure(registry, work):
    def make(kind, **options):
        registry.register("evaluator", HERE, kind.__name__, kind)
        part = Part.choose(registry, "evaluator", Choice(kind.__name__), {})
        generator = Part.choose(registry, "generator", Choice("toy-generator"), {"model": "toy"})
        return Measure(kind.__name__, part, generator, PROMPTS, 4, **options)

    return make


def test_prompts_without_what_is_needed_have_no_number_and_are_counted(measure, work):
    exact = measure(Exact)
    found = exact.measure(Model(), None, work)
    assert exact.places == [1, 2]
    np.testing.assert_array_equal(found.values, [math.nan, 1.0, math.nan])
    assert (found.counts.asked, found.counts.judged) == (2, 1)


def test_an_evaluator_may_say_which_prompts_it_measures(measure):
    class Some(Exact):
        needs = ("answers",)

        def measures(self, prompt):
            return "check" in prompt.raw

    assert measure(Some).places == [0]


def test_fields_of_a_row_are_part_of_what_results_are_kept_by(measure):
    exact = measure(Exact)
    plain = exact._item(1, {}).key
    assert plain == PROMPTS[1].key
    assert exact._item(0, {}).key not in (PROMPTS[0].key, plain)


def test_a_model_that_selected_is_not_independent(measure):
    class Rated(Exact):
        def identity(self):
            return {"model": "org/reward", "revision": "1"}

    of_run = {"name": "reward-model", "identity": {"model": "org/reward", "revision": "1"}}
    assert measure(Exact, selecting=frozenset(models_in(of_run))).independent
    rated = measure(Rated, selecting=frozenset(models_in(of_run)))
    assert not rated.independent
    assert rated.as_dict()["independent"] is False


def test_what_an_evaluator_must_not_say(measure):
    class Odd(Exact):
        needs = ("weather",)

        def scale(self):
            return "much"

    odd = measure(Odd)
    with pytest.raises(PluginError, match="needs 'weather'; there are answers, losses, references"):
        _ = odd.needs
    with pytest.raises(PluginError, match=r"expected mods\.Scale"):
        _ = odd.scale


def test_losses_need_a_generator_that_gives_them(measure, registry):
    class Silent:
        def identity(self):
            return {}

        def answers(self, conversations, weights):
            return []

    class Loss(Exact):
        needs = ("losses",)

    registry.register("generator", HERE, "silent", Silent)
    made = measure(Loss)
    silent = Part.choose(registry, "generator", Choice("silent"), {})
    with pytest.raises(SettingsError, match="needs token losses"):
        _ = Measure("loss", made.part, silent, PROMPTS, 4).needs

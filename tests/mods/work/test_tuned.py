"""The given model, tuned when first asked: what its answers are kept by."""

from dataclasses import replace

import pytest

from mods import Record
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.settings.options import Generation
from mods.work.tuned import TunedModel

ROWS = [Record.from_instruction(f"ask {word}", word) for word in ("oak", "elm")]


@pytest.fixture
def tuned(registry, work):
    def make(rows=ROWS, generation=Generation(), **context):  # noqa: B008
        parts = [
            Part.choose(registry, kind, Choice(f"toy-{kind}"), {"model": "toy", **context})
            for kind in ("trainer", "generator")
        ]
        return TunedModel(*parts, rows, generation, work, label="here", purpose="rows")

    return make


def test_it_is_tuned_when_first_asked_and_once(tuned, calls):
    model = tuned()
    assert calls() == []
    assert model.answers(ROWS).values == ["ask oak", "ask elm"]
    assert model.losses(ROWS).values == [0.0, 0.0]
    assert [kind for kind, _ in calls()].count("tune") == len(ROWS)
    assert tuned().answers(ROWS).values == ["ask oak", "ask elm"]
    assert calls() == []


def test_other_rows_their_order_and_decoding_make_other_answers_and_no_tuning_none(tuned):
    usual = tuned().answering
    assert tuned(rows=ROWS[::-1]).answering != usual
    assert tuned(generation=Generation(max_new_tokens=3)).answering != usual
    # Greedy answers do not depend on their batch; sampled ones share its noise.
    assert tuned(generation=Generation(batch_size=3)).answering == usual
    sampled = Generation(temperature=1.0)
    one, other = tuned(generation=sampled), tuned(generation=replace(sampled, batch_size=3))
    assert one.answering != other.answering
    bare = tuned(rows=None)
    assert (bare.weights, bare.identity, bare.noticed()) == (None, None, ([], []))

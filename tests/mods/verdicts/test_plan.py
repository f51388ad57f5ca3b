"""The plan says what will be paid for; judges have one common opponent."""

import json

import pytest
from support.toy_verdicts import judging


@pytest.fixture
def plan(toy_folder, mods):
    def make(*more):
        return json.loads(mods(*judging("verdict", *more, "--dry-run", "--json")).stdout)

    return make


def test_every_model_and_every_question_is_counted_before_anything_is_paid(plan, calls):
    calls()
    found = plan("--tuning-seeds", "2")
    assert not {kind for kind, _ in calls()} & {"tune", "generate", "losses"}
    assert found["tunings"] == found["models"] == 10
    assert (found["losses"], found["answers"]) == (120, 120)
    assert found["prompts"] == {"asked": 12}
    assert found["updates"] == found["arms"]["random"]["draws"][0]["updates"]


def test_a_judge_needs_one_more_draw_unless_it_has_another_opponent(plan):
    asked = "judge:generator=toy-generator,model=toy"
    usual = plan("--measures", asked)
    assert (usual["tunings"], usual["models"], usual["judgements"]) == (6, 5, 120)
    assert plan("--measures", f"{asked},opponent=untuned")["tunings"] == 5

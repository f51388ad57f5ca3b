"""The reward of answers."""

import pytest
from support.tiny_classifiers import tiny_bert

from mods import Evidence, Record
from mods_plugins.evaluators.reward import Reward
from mods_plugins.scorers.reward_model import RewardModel


def test_the_answer_is_rated_in_its_prompt_as_the_scorer_rates_a_response(tmp_path):
    model = str(tiny_bert(tmp_path / "reward"))
    prompt = Record.from_instruction("name a tree", "oak")
    (found,) = Reward(model=model).evaluate([prompt], Evidence(answers=["elm"]))
    (same,) = RewardModel(model=model).score([Record.from_instruction("name a tree", "elm")])
    assert found == pytest.approx(same)
    assert Reward(model=model).identity() == RewardModel(model=model).identity()
    assert Reward().scale().range == (None, None)

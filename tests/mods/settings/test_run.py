"""The checked settings of a run."""

import json

import pytest

from mods import SettingsError
from mods.settings.layers import make_settings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": 0}, "`seeds` 0: at least one"),
        ({"budget": 3}, "`budget` 3 is below `seeds` 8"),
        ({"model": None}, "name it with `model`"),
        ({"necessity": None}, "needs `necessity`"),
    ],
)
def test_settings_that_contradict_each_other_are_named(changed, message, toy_settings):
    with pytest.raises(SettingsError) as error:
        toy_settings(**changed)
    assert message in str(error.value)


def test_seeds_that_meet_the_budget_need_neither_model_nor_necessity(toy_settings):
    assert not toy_settings(budget=8, model=None, necessity=None).tunes


def test_factories_are_given_what_their_kind_may_ask_for(toy_settings):
    settings = toy_settings(model="toy:dtype=bf16", seed=3)
    assert settings.context("quality") == {"seed": 3}
    assert settings.context("executor") == {}
    assert settings.context("reader").keys() == {"encoding", "max_row_mb"}
    trainer, generator = settings.context("trainer"), settings.context("generator")
    assert (trainer["model"], trainer["dtype"], trainer["seed"]) == ("toy", "bf16", 3)
    assert trainer["tuning"] is settings.tuning
    assert generator.keys() - trainer.keys() == {"generation"}


def test_what_makes_a_result_is_plain_and_makes_the_same_settings_again(toy_settings):
    settings = toy_settings(
        tuning={"epochs": 5}, columns={"output": "a"}, schema="alpaca", budget="2M tokens"
    )
    plain = settings.as_dict()
    assert make_settings(("again", json.loads(json.dumps(plain)))) == settings


def test_where_work_is_done_does_not_make_the_result(toy_settings):
    there = toy_settings(executor="toy-processes")
    assert there.parts["executor"].name == "toy-processes"
    assert there.as_dict() == toy_settings().as_dict()

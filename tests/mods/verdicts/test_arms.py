"""Arms are matched by tokens and updates; a broken arm is named."""

import numpy as np
import pytest
from conftest import HERE, TOY

from mods import PluginError, Pool, Record, SettingsError
from mods.api.inputs import registry_with
from mods.settings.choice import Choice
from mods.verdicts.arms import Arms, Target

POOL = Pool(
    [Record.from_instruction(f"ask {i}", "word " * (i + 1)) for i in range(20)],
    embeddings=np.eye(20, dtype=np.float32),
    scores={"quality": np.arange(20.0)},
    tokens=np.arange(1, 21),
)


class Names:
    def __init__(self, rows):
        self.rows = rows

    def rank(self, pool):
        return self.rows


@pytest.fixture
def arms(toy_settings):
    registry = registry_with([TOY])
    rows = [4, 9]
    return Arms(POOL, rows, Target(15, 2.0, 8), registry, toy_settings(), draws=3)


def test_rows_are_taken_until_their_tokens_are_nearest_and_epochs_make_up_for_the_rest(arms):
    (draw,) = arms.plan(Choice("longest")).draws
    assert [record.instruction for record in draw.rows] == ["ask 19"]
    assert (draw.tokens, draw.updates, draw.epochs) == (20, 8, 1.5)
    assert draw.deviation == pytest.approx(1 / 3)
    tuning = draw.tuning(arms.settings.tuning)
    assert (tuning.steps, tuning.epochs) == (8, 1.5)


def test_random_rows_are_drawn_several_times_and_the_pool_is_learned_once(arms):
    random = arms.plan(Choice("random"))
    assert len(random.draws) == 3
    assert len({tuple(record.id for record in draw.rows) for draw in random.draws}) == 3
    (whole,) = arms.plan(Choice("whole")).draws
    assert 20 <= whole.tokens <= 40
    assert whole.tokens * whole.epochs == 30


def test_a_selector_is_an_arm_too(arms):
    arm = arms.plan(Choice("kcenter"))
    assert arm.words == "the rows that the selector kcenter picks"
    assert arm.draws[0].tokens * arm.draws[0].epochs == pytest.approx(30)


@pytest.mark.parametrize(
    ("rows", "rule"), [([], "one or more"), ([20], "outside"), ([-1], "outside"), ([1, 1], "twice"),
                       ([0.5], "list of places")],
)  # fmt: skip
def test_an_arm_that_breaks_a_rule_is_named(arms, rows, rule):
    arms.registry.register("arm", HERE, "names", lambda: Names(rows))
    with pytest.raises(PluginError, match=rf"'names' \(this test\).*{rule}"):
        arms.plan(Choice("names"))


def test_an_unknown_arm_is_an_error_that_names_the_known(arms):
    with pytest.raises(SettingsError, match="longest"):
        arms.plan(Choice("longst"))

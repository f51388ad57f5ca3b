"""What if: what is called exact is what a run selects, whatever the selector."""

import random

import numpy as np
import pytest
from conftest import TOY, TOY_RUN

from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.runs.repick import picker_of
from mods.runs.saved import SavedRun
from mods.runs.whatif import Asked, Facts, coinciding, what_if
from mods.settings.layers import make_settings


@pytest.fixture
def registry():
    """The toy plug-ins with all default ones."""
    return load_plugins(Sources(files=(TOY,)))


def chosen(selection):
    return [(record.source, record.row) for record in selection.records]


def told(saved, rows):
    where = saved.wheres(saved.receipts)
    return [where[row] for row in rows.tolist()]


@pytest.mark.parametrize("selector", ["kcenter", "toy-spread", "toy-greedy"])
@pytest.mark.parametrize("picks_again", [False, True])
def test_what_is_exact_is_what_a_run_selects(
    selector, picks_again, select, registry, tmp_path, rows
):
    folder = tmp_path / "run"
    own = {"selector": selector, "alpha": "top 30", "seeds": 8, "budget": 14}
    select(output=folder, **own)
    saved = SavedRun.load(folder)
    facts = Facts.of(saved)
    pick = picker_of(saved, folder, registry)[0] if picks_again else None
    assert (pick is not None) == picks_again
    draw = random.Random(selector)
    exact = 0
    for _ in range(25):
        seeds = draw.choice([8, 8, 8, draw.randint(1, 14)])
        moved = {
            "alpha": draw.choice(["top 30", "top 30", "top 25", "top 35"]),
            "beta": draw.choice(["bottom 50%", "bottom 30%", "bottom 5", "0.9"]),
            "seeds": seeds,
            "budget": seeds + draw.choice([3 if selector == "toy-greedy" else 0, 3, 6, 20]),
        }
        found = what_if(facts, wished(moved), pick)
        real = select(**{**own, **moved})
        assert found.pool == len(real.pool.records), moved
        if found.exact:
            exact += 1
            assert set(told(saved, found.selected)) == set(chosen(real)), moved
            if picks_again:
                assert told(saved, found.selected) == chosen(real), moved
    if picks_again or selector == "kcenter":  # of the others' order nothing is known
        assert exact >= (8 if picks_again else 3)


def wished(moved):
    settings = make_settings(("toy", {**TOY_RUN, **moved}))
    return Asked(settings.alpha, settings.beta, settings.seeds.value, settings.budget.value)


def test_the_settings_of_the_run_give_the_run(select, tmp_path):
    selection = select(output=tmp_path / "run")
    saved = SavedRun.load(tmp_path / "run")
    facts = Facts.of(saved)
    found = what_if(facts, facts.own)
    assert found.exact
    assert told(saved, found.selected) == chosen(selection)
    assert found.alpha_cut == selection.thresholds["alpha"]["score"]
    assert found.beta_cut == selection.thresholds["beta"]["score"]


def test_too_few_rows_are_no_selection(select, tmp_path):
    select(output=tmp_path / "run")
    facts = Facts.of(SavedRun.load(tmp_path / "run"))
    found = what_if(facts, wished({"alpha": "top 5"}))
    assert found.problem == "8 seeds, but only 5 rows pass alpha"
    assert not found.exact


def test_rows_at_one_place_may_coincide():
    x, y = np.array([0.0, 1, 0, np.nan, np.nan]), np.array([2.0, 2, 2, np.nan, np.nan])
    assert coinciding(x, y).tolist() == [True, False, True, False, False]

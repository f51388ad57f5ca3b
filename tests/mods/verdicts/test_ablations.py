"""The selection once more with one ingredient less, on the same rows."""

import json

import pytest
from conftest import TOY
from support.toy_verdicts import as_made, judging

from mods.api.inputs import How, read_data, registry_with
from mods.progress import Progress
from mods.selection.pipeline import select_rows
from mods.selection.stage import choose_parts
from mods.verdicts.ablations import ABLATIONS, Ablated


@pytest.fixture
def ablated(toy_settings, work, data):
    registry = registry_with([TOY])
    reading = read_data(data, registry, How(), Progress(quiet=True))
    return Ablated(reading, [], toy_settings(), registry, work)


def test_each_lacks_its_ingredient(ablated, calls):
    own = select_rows(
        ablated.reading, ablated.settings, choose_parts(ablated.registry, ablated.settings),
        ablated.work,
    )  # fmt: skip
    ids = [record.id for record in own.records]
    calls()
    assert ablated.names() == list(ABLATIONS)
    no_necessity = ablated.select("no-necessity")
    assert calls() == []  # no model is tuned, and the rest is in the cache
    assert no_necessity[:8] == ids[:8]
    assert len(no_necessity) == 14
    passed = {record.id for record in own.pool.records}
    assert not set(ablated.select("no-quality")) <= passed
    by_chance = ablated.select("random-seeds")
    assert set(by_chance) <= passed
    assert by_chance[:8] != ids[:8]
    assert ablated.select("random-seeds") == by_chance


def test_they_are_arms_on_request(toy_folder, mods, calls):
    calls()
    plan = mods(*judging("verdict", "--ablate", "--dry-run", "--json")).stdout
    assert set(ABLATIONS) <= set(json.loads(plan)["arms"])
    assert not {kind for kind, _ in calls()} & {"tune", "generate", "losses"}
    mods(*judging("verdict", "--ablate"))
    made = as_made(toy_folder / "verdict")
    judged = made["measures"]["toy-unknown"]["by_set"]["all"]["means"]
    assert set(ABLATIONS) <= set(judged)
    assert made["arms"]["no-quality"]["words"] == ABLATIONS["no-quality"]

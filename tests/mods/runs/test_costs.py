"""The costs of a run by stage."""

from mods.runs.costs import by_stage, load_costs, total
from mods.work.costs import Costs


def test_costs_are_put_under_their_stage_with_the_seconds_that_passed(tmp_path):
    costs = Costs()
    for label, seconds in (("reading: files", 0.5), ("quality: x", 2.0), ("quality: y", 1.0)):
        costs.of(label).seconds += seconds
        costs.of(label).rows += 3
    found = by_stage(costs, {"quality": 2.5})  # two processes at once
    assert list(found["stages"]) == ["reading", "quality"]
    assert found["stages"]["reading"]["seconds"] == 0.5
    assert found["stages"]["quality"]["seconds"] == 2.5
    assert list(found["stages"]["quality"]["work"]) == ["x", "y"]


def test_what_a_run_wrote_is_read_and_adds_up(select, tmp_path):
    selection = select(output=tmp_path / "run")
    stages = load_costs(tmp_path / "run")
    assert stages["quality"].work["toy-length"].rows == 40
    assert stages["quality"].seconds == selection.seconds["quality"]
    whole = total(stages)
    assert whole.seconds == sum(stage.seconds for stage in stages.values())
    assert whole.rows == sum(cost.rows for s in stages.values() for cost in s.work.values())

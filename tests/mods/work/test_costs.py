"""Costs: what was asked for, and what of it had to be computed."""

import json

from mods.work.costs import Costs


def test_costs_add_up_by_label_and_are_plain(select):
    costs = Costs()
    for seconds in (1.00049, 2):
        cost = costs.of("quality: x")
        cost.rows += 3
        cost.seconds += seconds
    assert costs.as_dict() == {"quality: x": {"rows": 6, "computed": 0, "seconds": 3.0}}


def test_a_second_run_asks_for_the_same_and_computes_nothing(select):
    first, second = (select().manifest["costs"] for _ in range(2))
    assert json.loads(json.dumps(first)) == first
    rows = {label: cost["rows"] for label, cost in first.items()}
    assert rows == {
        "quality: toy-length": 40,
        "coverage: toy-letters": 30,
        "necessity: answers": 22,
        "necessity: toy-known": 22,
    }
    assert {label: cost["computed"] for label, cost in first.items()} == rows
    assert {label: cost["rows"] for label, cost in second.items()} == rows
    assert {cost["computed"] for cost in second.values()} == {0}

"""Costs: what was asked for, and what of it had to be computed."""

import json
import time

from conftest import HERE

from mods import loading, spent
from mods.work.costs import Costs


def test_costs_add_up_by_label_and_are_plain(select):
    costs = Costs()
    for seconds in (1.00049, 2):
        cost = costs.of("quality: x")
        cost.rows += 3
        cost.seconds += seconds
    assert costs.as_dict() == {
        "quality: x": {
            "rows": 6, "computed": 0, "cached": 6, "tokens": 0, "seconds": 3.0, "loading": 0,
            "device_seconds": 0, "bytes_read": 0, "bytes_written": 0,
        }
    }  # fmt: skip


def test_a_second_run_asks_for_the_same_and_takes_it_from_the_cache(select):
    first, second = (select().costs.as_dict() for _ in range(2))
    assert json.loads(json.dumps(first)) == first
    rows = {label: cost["rows"] for label, cost in first.items()}
    assert rows == {
        "reading: files": 41,
        "quality: toy-length": 40,
        "coverage: toy-letters": 30,
        "coverage: select": 30,
        "necessity: tuning": 8,
        "necessity: answers": 22,
        "necessity: toy-known": 22,
        "necessity: select": 19,
    }
    assert {label: cost["computed"] for label, cost in first.items()} == rows
    assert "necessity: tuning" not in second  # with the answers at hand nobody asks for the weights
    for label in ("quality: toy-length", "coverage: toy-letters", "necessity: answers"):
        again = second[label]
        assert (again["computed"], again["cached"]) == (0, rows[label])
        assert again["bytes_read"] == first[label]["bytes_written"] > 0
        assert again["seconds"] == again["bytes_written"] == 0


def test_what_plugins_say_they_spend_is_counted(registry, select):
    class Spender:
        def score(self, records):
            with loading(), loading():
                time.sleep(0.01)
            spent(7 * len(records), "cuda:0")
            return [len(record.response) for record in records]

    registry.register("quality", HERE, "spender", Spender)
    cost = select(quality="spender").costs.of("quality: spender")
    assert cost.tokens == 7 * 40
    assert 0.01 <= cost.loading <= cost.seconds == cost.device_seconds

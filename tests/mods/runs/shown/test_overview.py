"""The overview of a run: what it counts is what the run counted."""

import json

import numpy as np

from mods.runs.saved import SavedRun
from mods.runs.shown.overview import BINS, histogram, overview


def test_every_row_is_counted_once_and_every_score_has_its_threshold(select):
    saved = SavedRun.of(select())
    found = overview(saved)
    assert json.loads(json.dumps(found)) == found
    assert sum(one["rows"] for one in found["reasons"]) == found["rows"]["in"] == 41
    assert {"stage": "coverage", "fate": "selected", "reason": "seed", "rows": 8} in found[
        "reasons"
    ]
    for score, setting in zip(found["scores"], ("alpha", "beta"), strict=True):
        assert sum(score["counts"]) == score["rows"]
        assert score["threshold"] == {"setting": setting, **saved.manifest["thresholds"][setting]}
    assert [score["rows"] for score in found["scores"]] == [40, 22]


def test_values_far_outside_are_counted_at_the_ends_and_none_is_lost():
    values = np.array([*np.linspace(0, 1, 5000), 1e308, -1e308])
    found = histogram(values)
    assert len(found["counts"]) == BINS
    assert sum(found["counts"]) == len(values)
    assert found["high"] <= 1
    assert histogram(np.empty(0)) == {"low": None, "high": None, "counts": []}

"""What the page says in words."""

import numpy as np
import pytest

from mods.runs.report.words import correlation, knee, near_duplicates, spearman
from mods.runs.saved import SavedRun
from mods.runs.whatif import floats


def test_spearman_is_that_of_scipy_with_ties():
    from scipy.stats import spearmanr

    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 9, 200).astype(float), draw.normal(size=200)
    assert spearman(x, y + x / 9) == pytest.approx(spearmanr(x, y + x / 9).statistic)
    assert spearman(x, np.ones(200)) is None
    assert spearman(x[:5], y[:5]) is None


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (1, "longer replies strongly tend to score higher"),
        (-1, "longer replies strongly tend to score lower"),
        (0, "length hardly matters to this score"),
    ],
)
def test_a_correlation_is_said_in_words(slope, words):
    x = np.arange(100.0)
    y = slope * x if slope else np.cos(np.pi * x)
    assert correlation("score", "characters", y, x)["words"] == words


def test_a_curve_flattens_where_it_bends():
    order = np.arange(1, 101)
    radius = np.where(order <= 20, 10 - 0.4 * order, 2 - 0.01 * (order - 20))
    found = knee(order, radius)
    assert found["at"] == 20
    assert found["words"].startswith("flattens after 20 picks: they brought 9")
    assert knee(order, 10 - 0.1 * order)["at"] is None


def test_rows_that_nearly_coincide_with_a_selected_one_are_paired_nearest_first(select, tmp_path):
    select(output=tmp_path / "run")
    saved = SavedRun.load(tmp_path / "run")
    distance = floats(saved.pool["distance"]).copy()
    at = int(np.argmax(distance))
    distance[at] = 1e-9
    column = saved.pool.schema.get_field_index("distance")
    object.__setattr__(saved, "pool", saved.pool.set_column(column, "distance", [distance]))
    scores = {"quality_toy_length": floats(saved.receipts["quality_toy_length"])}
    found = near_duplicates(saved, scores)
    assert found["pairs"][0][0] == saved.places()[at]
    assert "quality_toy_length differs by" in found["words"]

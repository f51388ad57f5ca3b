"""The picture of a run holds whatever the scores and the size of the pool are."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from mods.report import draw_scores, projection


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "values",
    [[1e308, -1e308, 0.0], [1e308, 1e308], [1e17] * 3, [0.0, 0.0], [5e-324, 0.0], [3.0, 1.0]],
)
def test_any_finite_scores_can_be_drawn(values):
    figure = Figure()
    receipts = [SimpleNamespace(scores={"quality_x": value}) for value in values]
    manifest = {"thresholds": {"alpha": {"asked": "top:1", "score": values[0]}}}
    selection = SimpleNamespace(receipts=receipts, manifest=manifest)
    axes = figure.subplots()
    draw_scores(axes, selection, "quality", "alpha")
    figure.canvas.draw()
    assert sum(bar.get_height() for bar in axes.patches) == len(values)


@pytest.mark.parametrize("dimensions", [1, 5])
def test_rows_are_projected_as_they_are_asked_for(dimensions):
    x = np.random.default_rng(0).normal(size=(40, dimensions)).astype(np.float32)
    project = projection(x)
    everything = project(slice(None))
    assert everything.shape == (40, 2)
    np.testing.assert_allclose(project([7, 3]), everything[[7, 3]])
    assert everything[:, 0].var() >= everything[:, 1].var()

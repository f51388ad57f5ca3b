"""The picture of a run: drawn from its folder alone, whatever the scores are."""

import shutil
from io import BytesIO
from types import SimpleNamespace

import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from mods.runs.picture import draw_map, draw_picture, draw_scores
from mods.runs.saved import SavedRun


@pytest.mark.parametrize(
    "values",
    [[1e308, -1e308, 0.0], [1e308, 1e308], [1e17] * 3, [0.0, 0.0], [5e-324, 0.0], [3.0, 1.0]],
)
def test_any_finite_scores_can_be_drawn(values):
    figure = Figure()
    saved = SimpleNamespace(
        receipts=pa.table({"quality_x": [*values, None]}),
        manifest={
            "makes": {"settings": {"quality": {"name": "x"}}},
            "thresholds": {"alpha": {"asked": "top 1", "score": values[0]}},
        },
    )
    axes = figure.subplots()
    draw_scores(axes, saved, "quality", "alpha")
    figure.canvas.draw()
    assert sum(bar.get_height() for bar in axes.patches) == len(values)


def test_a_moved_folder_gives_the_same_picture_byte_for_byte(select, tmp_path):
    select(output=tmp_path / "run")
    before = (tmp_path / "run" / "report.png").read_bytes()
    moved = tmp_path / "elsewhere" / "run"
    shutil.copytree(tmp_path / "run", moved)
    shutil.rmtree(tmp_path / "run")
    shutil.rmtree(tmp_path / "cache")
    (moved / "report.png").unlink()
    file = BytesIO()
    draw_picture(SavedRun.load(moved), file)
    assert file.getvalue() == before


@pytest.mark.parametrize("budget", [8, 14])
def test_every_selected_row_is_on_the_map_once(budget, select):
    axes = Figure().subplots()
    draw_map(axes, SavedRun.of(select(budget=budget)))
    pool, *chosen = (len(points.get_offsets()) for points in axes.collections)
    assert pool == 30
    assert chosen == [8, budget - 8][: len(chosen)]
    assert sum(chosen) == budget

"""What is gathered for the page: kinds of reasons, columns by row, the command of the run."""

import numpy as np
import pytest

from mods.runs.report.gather import gather, kinds_of_reasons
from mods.runs.saved import SavedRun


def test_reasons_are_one_kind_but_for_the_numbers_of_the_row():
    reasons = [
        "quality 0.12 does not pass alpha top 80% (0.5)",
        "quality -3e-05 does not pass alpha top 80% (0.5)",
        "duplicate of a.jsonl:4",
        "duplicate of b2.jsonl:17",
        "seed",
        None,
    ]
    assert kinds_of_reasons(reasons).to_pylist() == [
        "quality … does not pass alpha top 80% (0.5)",
        "quality … does not pass alpha top 80% (0.5)",
        "duplicate of another row",
        "duplicate of another row",
        "seed",
        "",
    ]


@pytest.mark.parametrize("further", [{}, {"selector": "toy-greedy", "necessity": "toy-thorough"}])
def test_every_column_has_a_value_for_every_row_and_every_score_a_column(further, select, rows):
    saved = SavedRun.of(select([*rows, "no row"], **further))
    meta, columns = gather(saved, [3] * 41 + [-1], ["here"] * 42)
    of = {column.name: column.values for column in columns}
    assert {len(values) for values in of.values()} == {42}
    held = [n for n in saved.receipts.column_names if n.startswith(("quality_", "necessity_"))]
    assert [score["name"] for score in meta["scores"]] == sorted(held, reverse=True)
    assert [score["threshold"] for score in meta["scores"]] == ["alpha", "beta"]
    assert meta["lengths"] == (["tokens", "characters"] if further else ["characters"])
    fates = [meta["names"]["fate"][code] for code in of["fate"]]
    assert fates == saved.receipts["fate"].to_pylist()
    assert sum(rows for *_, rows in meta["reasons"]) == 42
    nearest = np.array(of["nearest"])
    where = saved.wheres(saved.receipts)
    pairs = zip(saved.pool["nearest_source"].to_pylist(), saved.pool["nearest_row"].to_pylist(),
                strict=True)  # fmt: skip
    assert [where[i] for i in nearest[saved.places()]] == list(pairs)

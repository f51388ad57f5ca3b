"""The whole method: every row is accounted for, whatever the settings."""

from collections import Counter

import pytest

from mods import SettingsError


def test_every_input_row_ends_with_one_receipt(select, rows):
    selection = select()
    assert [r.row for r in selection.receipts] == list(range(1, 42))
    assert Counter((r.fate, r.stage) for r in selection.receipts) == {
        ("selected", "coverage"): 8,
        ("selected", "necessity"): 6,
        ("rejected", "necessity"): 16,
        ("rejected", "quality"): 10,
        ("rejected", "reading"): 1,
    }
    picked = sorted((r for r in selection.receipts if r.order), key=lambda r: r.order)
    assert [r.order for r in picked] == list(range(1, 15))
    assert [rows[r.row - 1] for r in picked] == selection.rows
    assert selection.seconds.keys() == {"quality", "coverage", "necessity"}


def test_seeds_that_meet_the_budget_need_no_model(select, calls):
    selection = select(budget=8)
    assert {kind for kind, _ in calls()} == {"score", "embed"}
    assert selection.totals["selected"] == 8
    reasons = {r.reason for r in selection.receipts if r.stage == "coverage"}
    assert reasons == {"seed", "not among the 8 seeds"}


def test_more_seeds_than_rows_says_how_many_there_are_before_they_are_embedded(select, calls):
    with pytest.raises(SettingsError) as error:
        select(seeds=35, budget=35)
    assert str(error.value) == (
        "`seeds` 35, but only 30 of 40 rows pass alpha (top 30): lower `seeds` or `alpha`"
    )
    assert {kind for kind, _ in calls()} == {"score"}


def test_changed_thresholds_and_added_rows_recompute_nothing_known(select, calls, rows):
    select()
    calls()
    select(alpha="top 35", budget=12)
    assert "score" not in {kind for kind, _ in calls()}
    select([*rows, {"instruction": "new", "output": "entirely new row"}])
    assert sum(kind == "score" for kind, _ in calls()) == 1

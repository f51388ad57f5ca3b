"""Receipts: nothing is lost, nothing is invented, and a row is decided once."""

import numpy as np
import pytest

from mods import Picks, Pool
from mods.data.reading import read_rows
from mods.selection.receipts import Receipt, Receipts, count_by_fate, count_by_stage


@pytest.fixture
def reading():
    """Three records, a duplicate of the first, and two broken rows."""
    rows = [{"instruction": f"question {n}", "output": "so"} for n in (1, 2, 3, 1)]
    return read_rows([*rows, {"instruction": "no answer", "output": ""}, "no row"])


def test_every_row_has_a_receipt_in_input_order(reading):
    receipts = Receipts(reading)
    assert [r.row for r in receipts.all] == [1, 2, 3, 4, 5, 6]
    assert [r.fate for r in receipts.all] == ["open"] * 3 + ["rejected"] + ["quarantined"] * 2
    assert receipts.all[3].reason == "duplicate of <python>:1"
    assert [b.row for b in receipts.quarantined] == [5, 6]


def test_a_quarantined_row_is_kept_as_it_was_read(reading):
    receipts = Receipts(reading)
    receipts.quarantine(reading.records[1], "quality", "odd")
    assert receipts.quarantined[-1].text == '{"instruction": "question 2", "output": "so"}'
    assert receipts.of(reading.records[1]).reason == "odd"


def test_picks_are_numbered_on_from_those_before(reading):
    receipts = Receipts(reading)
    picks = Picks(np.array([2, 0]), np.array([1.5, 0.5], dtype=np.float32))
    receipts.select(Pool(reading.records), picks, "necessity", "necessary", after=7)
    first, last = receipts.of(reading.records[2]), receipts.of(reading.records[0])
    assert [(r.order, r.radius) for r in (first, last)] == [(8, 1.5), (9, 0.5)]


def test_a_row_that_is_decided_twice_or_lost_is_a_bug(reading):
    receipts = Receipts(reading)
    receipts.reject(reading.records[0], "quality", "low")
    receipts.check(2)
    with pytest.raises(AssertionError, match="decided twice"):
        receipts.reject(reading.records[0], "coverage", "low")
    with pytest.raises(AssertionError, match="2 rows are undecided, expected 3"):
        receipts.check(3)
    reading.rows += 1
    with pytest.raises(AssertionError, match="lost or invented"):
        Receipts(reading)


def test_rows_are_counted_by_stage_and_by_fate():
    receipts = [
        Receipt("a", "x", 1, "selected", "coverage"),
        Receipt("b", "x", 2, "rejected", "quality"),
        Receipt(None, "x", 3, "quarantined", "reading"),
    ]
    assert count_by_fate(receipts) == {"selected": 1, "rejected": 1, "quarantined": 1}
    assert count_by_stage(receipts)["quality"] == {"selected": 0, "rejected": 1, "quarantined": 0}

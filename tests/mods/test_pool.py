"""Pools, and budgets that selectors keep to."""

import numpy as np
import pytest

from mods import Budget, PluginError, Pool, Record

POOL = Pool(
    [Record.from_instruction(str(n), "a") for n in range(5)], tokens=np.array([4, 9, 3, 2, 1])
)


def test_rows_are_taken_in_their_order_until_the_rows_are_met():
    picks = Budget(2).take([3, 0, 1], POOL)
    assert picks.indices.tolist() == [3, 0]
    assert picks.passed == {}


def test_a_row_that_exceeds_what_is_left_is_passed_over_and_the_next_is_tried():
    picks = Budget(5, tokens=8).take([0, 1, 2, 3, 4], POOL)
    assert picks.indices.tolist() == [0, 2, 4]
    assert picks.passed == {1: 4, 3: 1}


def test_a_budget_in_tokens_needs_counts():
    with pytest.raises(PluginError, match="needs a pool with token counts"):
        Budget(5, tokens=8).take([0], Pool(POOL.records))


def test_the_pool_of_some_rows_has_their_columns():
    part = Pool(POOL.records, np.eye(5, dtype=np.float32), {"quality": np.arange(5.0)}, POOL.tokens)
    part = part.rows([4, 1])
    assert [record.instruction for record in part.records] == ["4", "1"]
    assert part.tokens.tolist() == [1, 9]
    assert part.scores["quality"].tolist() == [4, 1]
    assert part.embeddings.argmax(axis=1).tolist() == [4, 1]

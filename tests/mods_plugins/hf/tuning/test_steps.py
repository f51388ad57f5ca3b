"""Rows are shared out among steps: as many tokens and updates as were asked for."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest

from mods_plugins.hf.tuning.steps import epoch_steps, share_out, split_steps

TOKENS = np.random.default_rng(0).integers(1, 300, 200).tolist()


@pytest.mark.parametrize(("epochs", "steps"), [(3.0, 60), (0.5, 60), (2.4, 7), (0.001, 30), (1, 1)])
def test_steps_and_tokens_are_as_asked_and_no_step_is_empty(epochs, steps):
    shared = share_out(TOKENS, epochs, steps, seed=1)
    assert len(shared) == steps
    assert all(shared)
    tokens = [sum(TOKENS[row] for row in rows) for rows in shared]
    if epochs > 0.1:
        assert sum(tokens) == pytest.approx(epochs * sum(TOKENS), abs=max(TOKENS))
        assert max(tokens) - min(tokens) <= 2 * max(TOKENS)


def test_every_row_is_learned_as_often_as_the_others_and_another_seed_orders_them_anew():
    shared = share_out(TOKENS, 3.0, 60, seed=1)
    counts = Counter(row for rows in shared for row in rows)
    assert set(counts.values()) == {3}
    assert share_out(TOKENS, 3.0, 60, seed=1) == shared
    assert share_out(TOKENS, 3.0, 60, seed=2) != shared


def test_without_steps_every_epoch_has_every_row_once_in_an_order_of_its_own():
    steps = epoch_steps(10, 4, 8, seed=1)
    assert [*map(len, steps)] == [4, 4, 2, 4, 4, 2, 4, 4]
    first, second = [*chain(*steps[:3])], [*chain(*steps[3:6])]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert epoch_steps(10, 4, 8, seed=1) == steps
    assert epoch_steps(10, 4, 8, seed=2) != steps


def test_micro_batches_are_as_many_for_every_step_and_hold_every_row_with_little_padding():
    steps = share_out(TOKENS, 2.0, 9, seed=1)
    batches = split_steps(steps, TOKENS, 1000, nothing=-1)
    assert len(batches) % 9 == 0
    number = len(batches) // 9
    held = [batch for batch in batches if batch != [-1]]
    for at, rows in enumerate(steps):
        found = [row for batch in batches[at * number : (at + 1) * number] for row in batch]
        assert sorted(row for row in found if row != -1) == sorted(rows)
    computed = [len(batch) * max(TOKENS[row] for row in batch) for batch in held]
    assert max(computed) <= 1000
    assert sum(computed) <= 1.05 * sum(TOKENS[row] for batch in held for row in batch)

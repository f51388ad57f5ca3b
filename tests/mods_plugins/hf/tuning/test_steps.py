"""Rows are shared out among steps: as many tokens and updates as were asked for."""

from collections import Counter

import numpy as np
import pytest

from mods_plugins.hf.tuning.steps import share_out, split_steps

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


def test_micro_batches_are_as_many_for_every_step_and_hold_every_row():
    steps = [[1, 2, 3, 4, 5], [6], [7, 8]]
    batches = split_steps(steps, 2, nothing=-1)
    assert len(batches) == 9
    assert max(map(len, batches)) == 2
    for at, rows in enumerate(steps):
        held = [row for batch in batches[3 * at : 3 * at + 3] for row in batch]
        assert [row for row in held if row != -1] == rows

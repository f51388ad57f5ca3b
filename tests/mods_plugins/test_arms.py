"""The plain choices: by chance, longest, best, distinct."""

import numpy as np
import pytest

from mods import Pool, Record, SettingsError
from mods_plugins.arms import DistinctHalf, Longest, Random, TopQuality, Whole, distinct

POOL = Pool(
    [Record.from_instruction(f"ask {i}", "x" * (i % 7)) for i in range(40)],
    embeddings=np.eye(40, 8, dtype=np.float32) + 1e-3,
    scores={"quality": np.array([(7 * i) % 40 for i in range(40)], dtype=float)},
)


def ids(pool, rows):
    return [pool.records[row].id for row in rows]


@pytest.mark.parametrize("arm", [Random(seed=1), Whole(seed=1)])
def test_chance_depends_on_the_rows_and_not_on_their_order(arm):
    turned = POOL.rows(list(reversed(range(40))))
    assert ids(POOL, arm.rank(POOL)) == ids(turned, arm.rank(turned))
    assert sorted(arm.rank(POOL)) == list(range(40))


def test_every_draw_is_another():
    orders = {tuple(Random(seed=s, draw=d).rank(POOL)) for s in range(2) for d in range(3)}
    assert len(orders) == 6


def test_longest_and_best_come_first():
    sizes = [len(POOL.records[row].response) for row in Longest().rank(POOL)]
    assert sizes == sorted(sizes, reverse=True)
    scores = POOL.scores["quality"][TopQuality().rank(POOL)]
    assert scores.tolist() == sorted(scores, reverse=True)


def test_of_near_duplicates_the_best_is_kept_within_the_better_half():
    pool = Pool(
        [Record.from_instruction(f"ask {i}", "x") for i in range(6)],
        embeddings=np.array([[1, 0], [1, 0.01], [0, 1], [0, 0], [0, 0], [1, 1]], dtype=np.float32),
        scores={"quality": np.array([5.0, 6, 4, 3, 2, 1])},
    )
    assert sorted(DistinctHalf(share=5 / 6).rank(pool)) == [1, 2, 3, 4]
    assert sorted(DistinctHalf().rank(pool)) == [1, 2]
    with pytest.raises(SettingsError, match="`share` 0"):
        DistinctHalf(share=0)


def test_distinct_agrees_with_one_by_one_across_blocks():
    vectors = np.random.default_rng(0).standard_normal((2500, 3)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = []
    for at in range(len(units)):
        if not kept or (units[kept] @ units[at]).max() < 0.99:
            kept.append(at)
    assert list(distinct(vectors, 0.99)) == kept

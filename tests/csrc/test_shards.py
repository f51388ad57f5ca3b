"""Rows in several places: the picks are those of one array, ties across the places included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kcenter_inputs import INPUTS, RNG, assert_same, clustered, oracle, run

from mods.kcenter.rows import as_rows

CUTS = {"two": [0.5], "three uneven": [0.03, 0.4], "a single row": [0.999]}


def shards(x: np.ndarray, shares: list[float]) -> list[np.ndarray]:
    return np.split(x, [int(len(x) * share) for share in shares])


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", INPUTS)
def test_every_input_returns_the_oracle_picks(name: str, cut: str) -> None:
    make, k = INPUTS[name]
    x = make()
    expected = oracle(x, k, first=0)
    for method, threads in (("lazy", 1), ("lazy", 2), ("from_disk", 2), ("brute", 2)):
        got = run(shards(x, CUTS[cut]), k, method=method, threads=threads)
        assert_same(got, expected, f"{method} {threads} threads")


def test_ties_across_shards_go_to_the_lowest_row_number() -> None:
    one = clustered(700, 24)
    x = np.concatenate([one, one[::-1], one])
    for first in (5, 1500):
        expected = oracle(x, 650, first=first)
        for cut in CUTS.values():
            assert_same(run(shards(x, cut), 650, first=first, method="lazy"), expected)


def test_fixed_centres_may_lie_in_any_shard() -> None:
    x = clustered(4000, 64, 12)
    fixed = RNG(1).permutation(4000)[:1500].astype(np.int64)
    expected = oracle(x, 300, initial=fixed)
    for cut in CUTS.values():
        assert_same(run(shards(x, cut), 300, initial=fixed, method="lazy"), expected)
    fixed = np.arange(120, 4000, dtype=np.int64)  # nothing is left in the last shard
    assert_same(run(shards(x, [0.03]), 90, initial=fixed), oracle(x, 90, initial=fixed))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dtypes_and_metrics_agree_with_the_oracle(metric: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(3 * clustered(2500, 70)).to(getattr(torch, dtype))
    expected = oracle(x, 200, metric=metric, first=17)
    stored = as_rows(x)
    options: dict[str, Any] = {"dtype": stored.dtype, "metric": metric, "first": 17}
    for cut in CUTS.values():
        assert_same(run(shards(stored.values, cut), 200, method="lazy", **options), expected)


def test_a_shard_of_ties_by_the_thousand_leaves_the_others_their_picks() -> None:
    ties = RNG(3).integers(0, 2, (20000, 8)).astype(np.float32)
    x = np.concatenate([30 * RNG(4).standard_normal((600, 8)).astype(np.float32), ties])
    expected = oracle(x, 700, first=3)
    assert_same(run([x[:600], x[600:]], 700, first=3, method="lazy"), expected)


def test_bad_values_are_named_by_their_number_among_all_rows() -> None:
    x = clustered(3000, 33)
    x[2345, 17] = np.nan
    for method in ("lazy", "brute"):
        with pytest.raises(ValueError, match="row 2345, column 17 is nan"):
            run(shards(x, [0.3, 0.6]), 40, method=method)
    with pytest.raises(ValueError, match="parts of 33 and 32 columns"):
        run([x, x[:, :32]], 40)

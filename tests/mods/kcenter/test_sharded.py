"""Rows that lie apart: the picks of one array, whatever they are and whoever is lost."""

import numpy as np
import pytest
from kcenter_inputs import INPUTS, RNG, assert_same, clustered, oracle

from mods.kcenter import EarlyStopWarning, kcenter_greedy, kcenter_sharded
from mods.kcenter.sharded import LocalShards

CUTS = {"one": [], "two": [0.5], "three uneven": [0.03, 0.4], "a single row": [0.999]}


def apart(x, shares):
    return np.split(x, [int(len(x) * share) for share in shares])


class Forgetful(LocalShards):
    """Shards of which one is made again from its rows before every so many messages."""

    def __init__(self, parts, every):
        super().__init__(parts)
        self.parts, self.every, self.calls = parts, every, 0

    def call(self, method, messages):
        self.calls += 1
        if self.calls % self.every == 0:
            at = self.calls // self.every % len(self.parts)
            self._shards[at] = LocalShards([self.parts[at]])._shards[0]
        return super().call(method, messages)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.filterwarnings("ignore::mods.kcenter.EarlyStopWarning")
def test_every_input_returns_the_oracle_picks(name, cut):
    make, k = INPUTS[name]
    x = make()
    assert_same(kcenter_sharded(apart(x, CUTS[cut]), k, first=0), oracle(x, k, first=0))


@pytest.mark.filterwarnings("ignore::mods.kcenter.EarlyStopWarning")
def test_ties_across_shards_go_to_the_lowest_row_number():
    one = clustered(700, 24)
    x = np.concatenate([one, one[::-1], one])
    for cut in CUTS.values():
        expected = oracle(x, 650, first=1500)
        assert_same(kcenter_sharded(apart(x, cut), 650, first=1500), expected)


@pytest.mark.parametrize("every", [2, 3, 7])
def test_a_shard_that_was_lost_changes_no_pick(every):
    x = clustered(3000, 48, 3)
    expected = oracle(x, 900, first=4)
    assert_same(kcenter_sharded(Forgetful(apart(x, [0.2, 0.6]), every), 900, first=4), expected)
    tied = RNG(3).integers(0, 2, (900, 8)).astype(np.float32)  # brute force
    with pytest.warns(EarlyStopWarning):
        got = kcenter_sharded(Forgetful(apart(tied, [0.5]), every), 300, first=4)
    assert_same(got, oracle(tied, 300, first=4))


def test_fixed_centres_may_lie_in_any_shard():
    x = clustered(2000, 64, 12)
    fixed = RNG(1).permutation(2000)[:700]
    for cut in CUTS.values():
        got = kcenter_sharded(apart(x, cut), 300, initial=fixed)
        assert_same(got, oracle(x, 300, initial=fixed))
    fixed = np.arange(120, 2000)  # nothing is left in the last shard
    got = kcenter_sharded(apart(x, [0.06]), 90, initial=fixed)
    assert_same(got, oracle(x, 90, initial=fixed))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_dtypes_and_metrics_agree_with_the_oracle(metric, dtype):
    x = (3 * clustered(2500, 70)).astype(dtype)
    for cut in CUTS.values():
        got = kcenter_sharded(apart(x, cut), 200, metric=metric, seed=17)
        assert_same(got, oracle(x, 200, metric=metric, seed=17))


def test_rounds_and_bytes_are_counted_and_few():
    x = clustered(20_000, 64, 5)
    seen = []
    got = kcenter_sharded(apart(x, [0.5]), 2000, progress=lambda *told: seen.append(told))
    assert_same(got, kcenter_greedy(x, 2000))
    assert got.traffic.rounds < 100
    assert got.traffic.received < x.nbytes
    assert seen[-1] == (2000, got.radii[-1])


def test_what_cannot_be_used_is_named_by_its_number_among_all_rows():
    x = clustered(3000, 33)
    x[2345, 17] = np.nan
    with pytest.raises(ValueError, match="row 2345, column 17 is nan"):
        kcenter_sharded(apart(x, [0.3, 0.6]), 40)
    x[2345] = 0
    with pytest.raises(ValueError, match="row 2345 is all zeros"):
        kcenter_sharded(apart(x, [0.3, 0.6]), 40, metric="cosine")
    with pytest.raises(ValueError, match="alike, got 32 columns of float32 and 33 columns"):
        kcenter_sharded([x, x[:, :32]], 40)
    with pytest.raises(ValueError, match="need at least one shard"):
        kcenter_sharded([], 40)

"""A shard by itself: what it answers, and that it never answers from half of the centres."""

import numpy as np
from kcenter_inputs import clustered

from mods.kcenter.oracle import canonical_distances
from mods.kcenter.shard import Behind, Centres, Plan, RowsShard

X = clustered(600, 20)
PLAN = Plan(1000, "euclidean", X.mean(axis=0), 50)


def centres(start, *rows):
    return Centres(start, np.array(rows) + 1000, X[list(rows)])


def test_an_offer_holds_every_row_at_or_above_its_threshold():
    offer = RowsShard(X).turn(PLAN, centres(0, 5, 6), 20)
    nearest = np.minimum(canonical_distances(X, X[5]), canonical_distances(X, X[6]))
    nearest[[5, 6]] = -1
    above = np.flatnonzero(nearest >= offer.tau)
    assert set(above) <= set(offer.ids - 1000)
    np.testing.assert_array_equal(offer.exact, nearest[offer.ids - 1000])
    np.testing.assert_array_equal(offer.values, X[offer.ids - 1000])


def test_one_that_lacks_centres_says_how_many_it_knows():
    shard = RowsShard(X)
    assert shard.turn(PLAN, centres(2, 7), 20) == Behind(0)
    shard.turn(PLAN, centres(0, 5, 6), 20)
    assert shard.brute(PLAN, centres(3, 7)) == Behind(2)
    assert not isinstance(shard.turn(PLAN, centres(2, 7), 20), Behind)


def test_brute_force_goes_on_from_what_bounds_knew():
    shard = RowsShard(X)
    shard.turn(PLAN, centres(0, 5, 6), 20)
    best = shard.brute(PLAN, centres(2, 7))
    nearest = np.min([canonical_distances(X, X[row]) for row in (5, 6, 7)], axis=0)
    nearest[[5, 6, 7]] = -1
    assert (best.value, best.id) == (nearest.max(), 1000 + nearest.argmax())
    np.testing.assert_array_equal(best.values, X[best.id - 1000])
    again = RowsShard(X).brute(PLAN, centres(0, 5, 6, 7))
    assert (again.value, again.id) == (best.value, best.id)


def test_rows_are_read_by_their_numbers_among_all():
    numbers = np.array([1003, 1001])
    np.testing.assert_array_equal(RowsShard(X).read(1000, "euclidean", numbers), X[[3, 1]])
    lengths = np.linalg.norm(RowsShard(5 * X).read(1000, "cosine", numbers), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)
    assert RowsShard(X).shape() == (600, 20, "float32")

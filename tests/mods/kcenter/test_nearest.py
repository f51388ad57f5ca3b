"""nearest_rows gives what a plain float64 search gives, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kcenter_inputs import INPUTS, RNG, clustered

from mods.kcenter import kcenter_greedy, nearest, nearest_rows
from mods.kcenter.oracle import canonical_distances


def plain(x: Any, chosen: Any) -> tuple[np.ndarray, np.ndarray]:
    """The naive twin: one pass in float64 for each chosen row, in ascending order."""
    x = np.asarray(x, np.float32)
    indices, squares = np.full(len(x), -1), np.full(len(x), np.inf)
    for c in sorted(chosen):
        distance = canonical_distances(x, x[c])
        distance[c] = np.inf
        closer = distance < squares
        indices[closer], squares[closer] = c, distance[closer]
    return indices, np.sqrt(squares)


def assert_plain(x: np.ndarray, chosen: Any, **options: Any) -> None:
    indices, distances = nearest_rows(x, chosen, **options)
    expected = plain(x, chosen)
    assert (indices.dtype, distances.dtype) == (np.int64, np.float64)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_gives_the_plain_answer(name: str) -> None:
    x = INPUTS[name][0]()
    assert_plain(x, RNG(0).permutation(len(x))[: min(len(x), 120)])


def test_picks_may_come_in_any_order_and_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = clustered(3000, 48)
    chosen = kcenter_greedy(x, 250, first=9).indices
    for pairs, values, threads in ((1 << 22, 1 << 22, 1), (5000, 48, 3), (1, 1, 2)):
        monkeypatch.setattr(nearest, "_PAIRS", pairs)
        monkeypatch.setattr(nearest, "_VALUES", values)
        assert_plain(x, chosen, threads=threads)


def test_copies_tie_and_the_lowest_row_number_wins() -> None:
    x = np.repeat(clustered(40, 16), 50, axis=0)[RNG(1).permutation(2000)]
    assert_plain(x, RNG(2).permutation(2000)[:300])
    assert_plain(np.ones((90, 5), np.float32), [70, 3, 8])


def test_a_large_offset_does_not_hide_what_is_near() -> None:
    assert_plain(clustered(1500, 32) + np.float32(1e5), range(0, 1500, 7))
    far = clustered(900, 32) * np.float32(1e-3)
    far[450:] += np.float32(1e4)
    assert_plain(far, range(1, 900, 11))


def test_rows_far_beyond_the_chosen_ones_are_answered_too() -> None:
    x = clustered(600, 20)
    x[300:] *= np.float32(1e37)
    assert_plain(x, range(100))
    assert_plain(x, [200, 400])
    x[0] = np.float32(1e-42)
    assert_plain(x, [0, 1])


def test_a_chosen_row_never_names_itself() -> None:
    x = clustered(50, 8)
    indices, distances = nearest_rows(x, [31])
    assert indices[31] == -1
    assert distances[31] == np.inf
    assert set(np.delete(indices, 31)) == {31}
    assert_plain(x, [31])
    assert_plain(x, range(50))


def test_half_precision_and_memory_mapped_rows(tmp_path: Any) -> None:
    x = clustered(700, 24).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    assert_plain(np.load(tmp_path / "x.npy", mmap_mode="r"), range(0, 700, 9))


def test_mistakes_are_named() -> None:
    x = clustered(5000, 12)
    for chosen, message in (
        ([], "chosen is empty"),
        ([3, 3], "chosen contains 3 more than once"),
        ([5000], r"chosen contains 5000, outside 0\.\.4999"),
        ([0.5], "chosen must be a 1-D list of row numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            nearest_rows(x, chosen)
    for row in (4321, 7):  # among the others, among the chosen
        x[row, 5] = np.inf
        with pytest.raises(ValueError, match=f"row {row}, column 5 is infinite"):
            nearest_rows(x, range(100))

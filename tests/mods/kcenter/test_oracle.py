"""The oracle refuses what the core refuses, and its distances are the plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from kcenter_inputs import clustered

from mods.kcenter import kcenter_greedy, kcenter_oracle
from mods.kcenter.oracle import canonical_distances


@pytest.mark.parametrize("n", [50, 3000])  # brute and lazy
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_located(n: int, value: float) -> None:
    for row in (0, n - 7):
        x = clustered(n, 33)
        x[row, 20] = value
        x[n - 2, 3] = value
        for call in (kcenter_greedy, kcenter_oracle):
            with pytest.raises(ValueError, match=f"row {row}, column 20 is"):
                call(x, 40, first=n // 2)


@pytest.mark.parametrize("n", [50, 3000])
def test_zero_rows_have_no_cosine(n: int) -> None:
    x = clustered(n, 33)
    x[31] = 0
    for call in (kcenter_greedy, kcenter_oracle):
        with pytest.raises(ValueError, match="row 31 is all zeros"):
            call(x, 40, metric="cosine")


@pytest.mark.parametrize("d", [1, 15, 16, 17, 400])
def test_canonical_distances_are_summed_in_sixteen_lanes(d: int) -> None:
    rng = np.random.default_rng(d)
    x, c = rng.standard_normal((2, 5, d), np.float32)
    got = canonical_distances(x, c)
    for i in range(5):
        lanes = [np.float64(0)] * 16
        for j in range(d):
            e = np.float64(x[i, j]) - np.float64(c[i, j])
            lanes[j % 16] += e * e
        for width in (8, 4, 2, 1):
            lanes = [lanes[lane] + lanes[lane + width] for lane in range(width)]
        assert got[i] == lanes[0]
        assert canonical_distances(x, c[i])[i] == lanes[0]

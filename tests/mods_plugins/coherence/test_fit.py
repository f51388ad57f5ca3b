from __future__ import annotations

import numpy as np

from mods_plugins.coherence.features import ABSENT, FEATURES
from mods_plugins.coherence.fit import CLIP, STRENGTH, Scale, fit_pairs

WIDTH = len(FEATURES)


def table(rows: int = 40, script: float = 0.0) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0.1, 1, size=(rows, WIDTH + 1))
    values[:, -1] = script
    return values


def test_weights_are_where_the_gradient_is_zero() -> None:
    differences = np.random.default_rng(1).normal(0.3, 1, size=(200, WIDTH))
    weights = fit_pairs(differences)
    wrong = 1 / (1 + np.exp(differences @ weights))
    np.testing.assert_allclose(weights, STRENGTH * differences.T @ wrong, atol=1e-9)
    assert np.linalg.norm(weights) > 0.1


def test_absent_and_constant_features_move_nothing() -> None:
    values = table()
    values[:, 2] = ABSENT
    values[:5, 5] = ABSENT
    values[:, 8] = 0.7
    scaled = Scale.of(values)(values)
    assert not scaled[:, 2].any()
    assert not scaled[:5, 5].any()
    assert scaled[5:, 5].any()
    assert np.abs(scaled[:, 8]).max() < 1e-9


def test_minus_one_is_a_value_of_a_cosine() -> None:
    values = table()
    values[0, 0] = -1.0
    assert Scale.of(values)(values)[0, 0] < -1


def test_an_odd_row_counts_as_four_spreads() -> None:
    values = table(400)
    values[0, 3] = 1e6
    assert Scale.of(table())(values)[0, 3] == CLIP


def test_each_script_is_centred_on_itself_and_an_unknown_one_on_the_pool() -> None:
    values = table(4000)
    values[2000:, -1] = 2.0
    values[2000:, 1] += 5
    scale = Scale.of(values)
    scaled = scale(values)
    assert abs(scaled[:2000, 1].mean()) < 0.01
    assert abs(scaled[2000:, 1].mean()) < 0.01
    other = values[:1].copy()
    other[0, -1] = 1.0
    np.testing.assert_allclose(
        scale(other)[0], np.clip((other[0, :-1] - scale.overall) / scale.spread, -CLIP, CLIP)
    )


def test_the_order_of_the_rows_does_not_even_change_the_rounding() -> None:
    values = table(999) / 3
    turned = values[np.random.default_rng(2).permutation(999)]
    for one, other in zip(
        (Scale.of(values).overall, Scale.of(values).spread),
        (Scale.of(turned).overall, Scale.of(turned).spread),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)

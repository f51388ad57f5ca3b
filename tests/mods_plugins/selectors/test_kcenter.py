from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import mods.kcenter
from mods import Budget, PluginError, SettingsError
from mods.testing import check_selector, sample_pool
from mods_plugins.selectors.kcenter import KCenterSelector

NONE = np.zeros(0, dtype=np.int64)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put the NumPy oracle in the place of the native core, so that no build is needed."""
    calls: list[dict[str, Any]] = []

    def greedy(x: Any, k: int, *, device: str, threads: int, **options: Any) -> Any:
        calls.append({"k": k, "device": device, "threads": threads, **options})
        return mods.kcenter.kcenter_oracle(x, k, **options)

    monkeypatch.setattr(mods.kcenter, "kcenter_greedy", greedy)
    return calls


@pytest.mark.usefixtures("oracle")
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_kcenter_keeps_the_rules(metric: Any) -> None:
    check_selector(KCenterSelector(seed=1, metric=metric))


def test_kcenter_hands_over_its_options_and_never_asks_for_too_much(
    oracle: list[dict[str, Any]],
) -> None:
    selector = KCenterSelector(seed=4, device="cpu", threads=2)
    picks = selector.select(sample_pool(), Budget(100), initial=np.array([3, 1]))
    assert len(picks.indices) == len(sample_pool().records) - 2
    assert oracle[0]["k"] == len(picks.indices)
    assert {key: oracle[0][key] for key in ("seed", "device", "threads", "metric")} == {
        "seed": 4,
        "device": "cpu",
        "threads": 2,
        "metric": "euclidean",
    }
    assert len(selector.select(sample_pool(), Budget(0), initial=NONE).indices) == 0


def test_kcenter_refuses_rows_without_a_direction_under_cosine_only() -> None:
    pool = sample_pool()
    assert pool.embeddings is not None
    vectors = pool.embeddings.copy()
    vectors[3:5] = 0
    zero = replace(pool, embeddings=vectors)
    refused = KCenterSelector(metric="cosine").refused(zero)
    assert list(refused) == [3, 4]
    assert "all zeros" in refused[3]
    assert KCenterSelector().refused(zero) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "l1"},
        {"device": "tpu"},
        {"device": "cuda:"},
        {"device": 0},
        {"threads": "all"},
        {"threads": 1.5},
        {"threads": -1},
        {"threads": 2000},
        {"seed": -1},
    ],
)
def test_kcenter_refuses_wrong_settings_before_any_work(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(SettingsError, match=f"kcenter: {name} must be .*got {value!r}"):
        KCenterSelector(**wrong)


def test_kcenter_needs_vectors_and_says_so() -> None:
    assert KCenterSelector.needs == ("embeddings",)
    with pytest.raises(PluginError, match="the pool holds no embeddings"):
        KCenterSelector().select(sample_pool(()), Budget(2), initial=NONE)


def test_kcenter_picks_with_the_core_what_the_oracle_picks() -> None:
    pool = sample_pool()
    assert pool.embeddings is not None
    want = mods.kcenter.kcenter_oracle(pool.embeddings, 7, initial=[4, 9])
    picks = KCenterSelector(device="cpu").select(pool, Budget(7), initial=np.array([4, 9]))
    assert picks.indices.tolist() == want.indices.tolist()
    np.testing.assert_array_equal(picks.radii, want.radii)

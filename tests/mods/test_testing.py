"""Every rule of the conformance kit, broken on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mods import Picks, PluginError, Pool, Record, Unscorable
from mods.testing import (
    FakeLanguageModel,
    check_embedder,
    check_necessity_model,
    check_quality_scorer,
    check_selector,
    sample_records,
)


def lengths(records: Sequence[Any]) -> Any:
    return np.array([float(len(getattr(record, "response", record))) for record in records])


class Scorer:
    """A scorer, necessity model and embedder whose one method is given."""

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.call = call

    def score(self, records: Sequence[Record]) -> Any:
        return self.call(records)

    def judge(self, records: Sequence[Record], model: Any) -> Any:
        return self.call(records)


class Embedder:
    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.embed = call


def broken_input(records: Any) -> Any:
    records.reverse()
    return lengths(records)


def broken_raw(records: Any) -> Any:
    for record in records:
        record.raw["seen"] = True
    return lengths(records)


counter = itertools.count()
BAD_ROWWISE = [
    (lambda records: lengths(records)[1:], "23 scores for 24 records"),
    (lambda records: 1.0, "returned float; expected one float per record"),
    (lambda records: lengths(records) * np.nan, "must be finite"),
    (lambda records: lengths(records) + next(counter), "two calls with the same input"),
    (lambda records: np.sort(lengths(records)), "permuted"),
    (lambda records: lengths(records) / lengths(records).max(initial=1), "other rows of its batch"),
    (broken_input, "left as it was"),
    (broken_raw, "left as it was"),
    (lambda records: ["good"] * len(records), "expected a float"),
    (lambda records: lengths(records)[:, None], "array of shape"),
]


@pytest.mark.parametrize(("call", "rule"), BAD_ROWWISE)
def test_rules_of_scores(call: Callable[[Any], Any], rule: str) -> None:
    with pytest.raises(PluginError, match=rule) as error:
        check_quality_scorer(Scorer(call))
    assert "Scorer" in str(error.value)
    with pytest.raises(PluginError, match=rule):
        check_necessity_model(Scorer(call))


def test_good_plugins_pass() -> None:
    check_quality_scorer(Scorer(lengths))
    check_quality_scorer(Scorer(lambda records: [unless_empty(record) for record in records]))
    check_necessity_model(Scorer(lengths))
    check_embedder(Embedder(vectors))
    check_selector(Selector(lambda pool, k, initial: first_free(pool, k, initial)))


def unless_empty(record: Record) -> float | Unscorable:
    return float(len(record.response)) if record.response else Unscorable("no response")


def test_rules_of_unscorable() -> None:
    with pytest.raises(PluginError, match="say the reason"):
        check_quality_scorer(Scorer(lambda records: [Unscorable("")] * len(records)))
    with pytest.raises(PluginError, match="at least one sample row"):
        check_quality_scorer(Scorer(lambda records: [Unscorable("no")] * len(records)))


def test_a_plugin_without_its_method() -> None:
    nothing: Any = object()
    for check, method in (
        (check_quality_scorer, "score"),
        (check_necessity_model, "judge"),
        (check_embedder, "embed"),
        (check_selector, "select"),
    ):
        with pytest.raises(PluginError, match=f"object breaks a rule: .*`{method}`"):
            check(nothing)


def vectors(texts: Sequence[str]) -> Any:
    return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda texts: vectors(texts)[:, 0], "shape"),
        (lambda texts: vectors(texts).astype(np.float64), "float32"),
        (lambda texts: vectors(texts) / 0, "must be finite"),
        (lambda texts: vectors(texts)[:-1], "returned shape"),
        (lambda texts: vectors(texts) - vectors(texts).mean(0), "other rows of its batch"),
        (lambda texts: vectors(texts)[:, : 1 + (len(texts) > 1)], "same d in every call"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_rules_of_embedders(call: Callable[[Any], Any], rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_embedder(Embedder(call))


class PoolScorer:
    """Scores against the mean of the pool; `bad` replaces the second step."""

    def __init__(self, bad: Callable[[Any, Any], Any] | None = None) -> None:
        self.bad = bad

    def features(self, records: Sequence[Record]) -> Any:
        return lengths(records).astype(np.float32)[:, None]

    def score_pool(self, records: Sequence[Record], features: Any) -> Any:
        if self.bad:
            return self.bad(records, features)
        return features[:, 0] - features[:, 0].astype(np.float64).mean()


def in_place(records: Any, features: Any) -> Any:
    features -= features.mean()
    return features[:, 0]


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (lambda records, features: features, "array of shape"),
        (lambda records, features: features[:, 0] * np.nan, "finite"),
        (lambda records, features: np.arange(len(records)), "permuted pool"),
        (lambda records, features: features[:, 0] + next(counter), "two calls"),
        (in_place, "as they were"),
    ],
)
def test_rules_of_pool_scorers(bad: Any, rule: str) -> None:
    check_quality_scorer(PoolScorer())
    with pytest.raises(PluginError, match=rule):
        check_quality_scorer(PoolScorer(bad))


class Selector:
    def __init__(self, call: Callable[[Pool, int, Any], Any]) -> None:
        self.call = call

    def select(self, pool: Pool, k: int, *, initial: Any) -> Any:
        return self.call(pool, k, initial)


def first_free(pool: Pool, k: int, initial: Any) -> Picks:
    free = [row for row in range(len(pool.records)) if row not in initial.tolist()]
    return Picks(np.array(free[:k], dtype=np.int64))


def with_radii(pool: Pool, k: int, initial: Any, radii: Any) -> Picks:
    indices = first_free(pool, k, initial).indices
    return Picks(indices, np.resize(np.array(radii, dtype=np.float32), len(indices)))


def spoil(pool: Pool, k: int, initial: Any) -> Picks:
    pool.embeddings[:] = 0
    return first_free(pool, k, initial)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda pool, k, initial: [0], "expected mods.Picks"),
        (lambda pool, k, initial: Picks(np.arange(k) + 12.0), "int64"),
        (lambda pool, k, initial: first_free(pool, k + 1, initial), "at most 1"),
        (lambda pool, k, initial: first_free(pool, 0, initial), "none was picked"),
        (lambda pool, k, initial: Picks(np.arange(k) + 20), "a row outside"),
        (
            lambda pool, k, initial: Picks(np.repeat(first_free(pool, 1, initial).indices, k)),
            "twice",
        ),
        (lambda pool, k, initial: Picks(np.arange(k)), "fixed centre"),
        (
            lambda pool, k, initial: Picks(
                np.random.default_rng().permutation(np.arange(12, 24))[:k]
            ),
            "same rows",
        ),
        (lambda *args: with_radii(*args, [np.inf]), "finite"),
        (lambda *args: with_radii(*args, [1, 2]), "never grows"),
        (
            lambda *args: Picks(first_free(*args).indices, np.zeros(99, dtype=np.float32)),
            "99 radii for",
        ),
        (spoil, "left as it was"),
    ],
)
def test_rules_of_selectors(call: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_selector(Selector(call))


def test_rules_of_identity() -> None:
    class Odd(Scorer):
        def identity(self) -> Any:
            return {"callable": print}

    class Moving(Scorer):
        def identity(self) -> Any:
            return {"count": next(counter)}

    with pytest.raises(PluginError, match="JSON"):
        check_quality_scorer(Odd(lengths))
    with pytest.raises(PluginError, match="same each time"):
        check_quality_scorer(Moving(lengths))


def test_samples_are_fresh_and_varied() -> None:
    records = sample_records()
    records[0].raw["spoilt"] = True  # type: ignore[index]
    assert "spoilt" not in sample_records()[0].raw
    assert any(len(record.messages) > 3 for record in records)
    assert any(record.response == "" for record in records)
    assert len({record.id for record in records}) == len(records)
    model = FakeLanguageModel()
    assert len(model.generate(records)) == len(model.losses(records)) == len(records)

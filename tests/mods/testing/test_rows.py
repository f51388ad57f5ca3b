"""Every rule of what works row by row, broken on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mods import Evidence, PluginError, Record, Unscorable
from mods.testing import check_embedder, check_necessity_model, check_quality_scorer

counter = itertools.count()


def lengths(records: Sequence[Any]) -> Any:
    return np.array([float(len(getattr(record, "response", record))) for record in records])


class Scorer:
    """A scorer, necessity model and embedder whose one method is given."""

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.call = call

    def score(self, records: Sequence[Record]) -> Any:
        return self.call(records)

    def review(self, records: Sequence[Record], evidence: Evidence) -> Any:
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


def unless_empty(record: Record) -> float | Unscorable:
    return float(len(record.response)) if record.response else Unscorable("no response")


def test_rules_of_unscorable() -> None:
    with pytest.raises(PluginError, match="say the reason"):
        check_quality_scorer(Scorer(lambda records: [Unscorable("")] * len(records)))
    with pytest.raises(PluginError, match="at least one sample row"):
        check_quality_scorer(Scorer(lambda records: [Unscorable("no")] * len(records)))


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


def test_a_necessity_model_gets_the_evidence_it_needs() -> None:
    seen: list[Evidence] = []

    class Reviewer:
        needs: Any = ("losses",)

        def review(self, records: Sequence[Record], evidence: Evidence) -> Any:
            seen.append(evidence)
            return [-loss for loss in evidence.losses or [0.0] * len(records)]

    check_necessity_model(Reviewer())
    assert (len(seen[0].losses), seen[0].answers) == (24, ())
    Reviewer.needs = ("answers", "losses")
    check_necessity_model(Reviewer())
    assert len(seen[-1].losses) == len(seen[-1].answers) == 1
    Reviewer.needs = ("gradients",)
    with pytest.raises(PluginError, match="`needs` may name answers and losses, not 'gradients'"):
        check_necessity_model(Reviewer())


def test_evidence_is_left_alone() -> None:
    class Spoiler:
        def review(self, records: Sequence[Record], evidence: Any) -> Any:
            evidence.answers.clear()
            return lengths(records)

    with pytest.raises(PluginError, match="the evidence must be left as it was"):
        check_necessity_model(Spoiler())

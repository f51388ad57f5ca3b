"""The rules of everything that works row by row: scorers, embedders, necessity models."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.interfaces import ANSWERS, LOSSES, Encoded, Unscorable
from mods.plugins.rules import checked_scores, checked_vectors
from mods.testing.rules import (
    check_identity,
    close,
    equal,
    fail,
    name_of,
    needs_of,
    require,
    require_methods,
    same_input,
)
from mods.testing.samples import sample_evidence, sample_records

if TYPE_CHECKING:
    from mods.interfaces import Embedder, NecessityModel, PoolScorer, QualityScorer
    from mods.records import Record
    from mods.testing.rules import Results


def check_quality_scorer(scorer: QualityScorer | PoolScorer) -> None:
    """Check a quality scorer, row by row or over a pool; raises `PluginError`."""
    name = name_of(scorer)
    check_identity(scorer)
    if hasattr(scorer, "score_pool") and hasattr(scorer, "features"):
        check_rowwise(scorer.features, sample_records(), name, checked_vectors)
        _check_score_pool(scorer, name)
    elif hasattr(scorer, "score"):
        check_rowwise(scorer.score, sample_records(), name, read_scores)
    else:
        fail(name, "a quality scorer has `score`, or `features` and `score_pool`")


def check_necessity_model(model: NecessityModel) -> None:
    """Check a necessity model on made-up evidence (`sample_evidence`), of what it needs alone."""
    name = name_of(model)
    check_identity(model)
    require_methods(model, "a necessity model", "review")
    needs = needs_of(model, (ANSWERS,), (ANSWERS, LOSSES))

    def review(records: Sequence[Record]) -> Any:
        evidence, before = sample_evidence(records, needs), sample_evidence(records, needs)
        result = model.review(records, evidence)
        require(evidence == before, name, "the evidence must be left as it was")
        return result

    check_rowwise(review, sample_records(), name, read_scores)


def check_embedder(embedder: Embedder) -> None:
    """Check an embedder; one with `fit` is given all texts first."""
    name = name_of(embedder)
    check_identity(embedder)
    require_methods(embedder, "an embedder", "embed")
    texts = [record.prompt for record in sample_records()]
    if hasattr(embedder, "fit"):
        embedder.fit(list(texts))
    check_rowwise(embedder.embed, texts, name, checked_vectors)


def check_rowwise(
    call: Callable[[Sequence[Any]], Any],
    items: list[Any],
    name: str,
    read: Callable[[Any, int, str], Results],
) -> None:
    """Check length, values, input left alone, and that neither call, order nor batch matters.

    `read` turns what the plug-in returned into an array with one entry or row per item, and
    checks what is particular to the kind.
    """

    def run(some: list[Any]) -> Results:
        given, before = list(some), copy.deepcopy(some)
        result = read(call(given), len(some), name)
        require(same_input(given, before), name, "the input must be left as it was")
        return result

    first = run(items)
    require(equal(first, run(items)), name, "two calls with the same input must agree")
    _check_order(run, items, first, name)
    _check_alone(run, items, first, name)


def _check_order(
    run: Callable[[list[Any]], Results], items: list[Any], first: Results, name: str
) -> None:
    """Check that permuted items give permuted results."""
    order = np.random.default_rng(1).permutation(len(items))
    permuted = run([items[i] for i in order])
    require(
        close(permuted, first[order], first),
        name,
        "results must come in the order of the input: permuted input must give permuted results",
    )


def _check_alone(
    run: Callable[[list[Any]], Results], items: list[Any], first: Results, name: str
) -> None:
    """Check that each item alone has the result it has among the others."""
    singles = [run([item]) for item in items]
    same_width = {single.shape[1:] for single in singles} == {first.shape[1:]}
    require(same_width, name, "vectors must have the same d in every call")
    require(
        close(np.concatenate(singles), first, first),
        name,
        "a result must not depend on the other rows of its batch (is the attention mask passed?)",
    )


def read_scores(result: Any, count: int, name: str) -> Results:
    """Read scores; a row that was declared unscorable becomes nan."""
    scores = checked_scores(result, count, name)
    for score in scores:
        reason = score.reason if isinstance(score, Unscorable) else "none"
        require(bool(reason), name, "`Unscorable` must say the reason")
    values = np.array([np.nan if isinstance(score, Unscorable) else score for score in scores])
    some = count == 1 or not np.isnan(values).all()
    require(some, name, "at least one sample row must get a score")
    return values


def _check_score_pool(scorer: Any, name: str) -> None:
    """Check the second step of a pool scorer."""
    records = sample_records()
    features = scorer.features(records)
    given, kept = list(records), features.copy()
    encode = [encoded] if getattr(scorer, "needs", ()) else []
    scores = read_scores(scorer.score_pool(given, features, *encode), len(records), name)
    untouched = same_input(given, records) and np.array_equal(features, kept)
    require(untouched, name, "`score_pool` must leave records and features as they were")
    again = read_scores(scorer.score_pool(records, features, *encode), len(records), name)
    require(equal(scores, again), name, "two calls of `score_pool` must agree")
    order = np.random.default_rng(1).permutation(len(records))
    permuted = scorer.score_pool([records[i] for i in order], features[order], *encode)
    require(
        close(read_scores(permuted, len(records), name), scores[order], scores),
        name,
        "`score_pool` of a permuted pool must give permuted scores",
    )


def encoded(texts: Sequence[str]) -> Encoded:
    """Stand in for the embedder that a scorer needs: counts of characters, shape (n, 64)."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for at, text in enumerate(texts):
        for character in text:
            vectors[at, ord(character) % 64] += 1
    return Encoded(vectors, [])

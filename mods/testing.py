"""Conformance checks for plug-in authors: one call says whether a plug-in keeps the rules.

    from mods.testing import check_quality_scorer

    def test_my_scorer():
        check_quality_scorer(MyScorer())

Each check runs the plug-in on `sample_records()` (several languages, several turns, long and short
responses) and raises `PluginError` with the broken rule and the name of the plug-in's class.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.plugins.rules import checked_picks, checked_scores, checked_vectors
from mods.errors import PluginError
from mods.interfaces import Picks, Pool, Unscorable
from mods.records import Message, Record

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import (
        Embedder,
        FloatArray,
        NecessityModel,
        PoolScorer,
        QualityScorer,
        Selector,
    )

TOLERANCE = 1e-3
"""How far results may move with batch and order, relative to their spread: padding rounds."""


def sample_records() -> list[Record]:
    """Return 24 records that differ in what plug-ins stumble over, the same in every call."""
    rows = [
        *(Record.from_instruction(f"What is {a} times {b}?", f"{a} times {b} is {a * b}.")
          for a, b in ((3, 4), (6, 7), (12, 12))),
        *(Record.from_instruction(*row) for row in _SINGLE_TURN),
        Record.from_instruction(
            "Tell a long story about a lighthouse.",
            " ".join(f"On night {night} the keeper lit lamp {night}." for night in range(40)),
        ),
        Record.from_instruction("Summarise the text.", "A list of words.", input="word " * 60),
        Record.from_instruction("What is rain?", "Falling water.", system="Answer briefly."),
        *(Record(tuple(Message(*turn) for turn in turns), turns[-2][1]) for turns in _MULTI_TURN),
    ]  # fmt: skip
    return [
        Record(row.messages, row.instruction, row.input, "sample", number, raw={"tags": [number]})
        for number, row in enumerate(rows, start=1)
    ]


_SINGLE_TURN = (
    ("Name a fruit.", "Apple"),
    ("Name a fruit.", "A pear is a fruit that grows on trees, and it is ripe in autumn."),
    ("Say nothing.", ""),
    ("What is the capital of Norway?", "Oslo."),
    ("Write a function that doubles x.", "```python\ndef double(x):\n    return 2 * x\n```"),
    ("List three colours.", "1. Red\n2. Green\n3. Blue"),
    ("Why is the sky blue?", "Air scatters blue light more than red light, so blue reaches us."),
    ("Why is the sky blue?", "I'm sorry, but I cannot answer that."),
    ("¿Qué es el hielo?", "El hielo es agua en estado sólido."),
    ("Was ist ein Vulkan?", "Ein Vulkan ist ein Berg, aus dem Lava austritt."),
    ("什么是雪？", "雪是从云中落下的冰晶。"),
    ("日本で一番高い山は何ですか。", "日本で一番高い山は富士山です。"),
    ("ما هي عاصمة مصر؟", "القاهرة هي عاصمة مصر."),
    ("भारत की राजधानी क्या है?", "भारत की राजधानी नई दिल्ली है।"),
    ("Translate 'cat' and add a smile.", "Katze 🙂"),
)
_MULTI_TURN = (
    (
        ("user", "Recommend a tree for a small garden."),
        ("assistant", "A rowan stays small and feeds birds."),
        ("user", "Does it need much water?"),
        ("assistant", "No, once it has grown in, rain is enough."),
    ),
    (
        ("system", "You speak like a pirate."),
        ("user", "Hello!"),
        ("assistant", "Ahoy!"),
        ("user", "Where is the treasure?"),
        ("assistant", "Under the third palm, matey."),
    ),
    (("user", "Hi"), ("user", "Are you there?"), ("assistant", "Yes, I am here.")),
)


class FakeLanguageModel:
    """A `LanguageModel` without a model: answers and losses come from the record's text."""

    def generate(self, records: Sequence[Record]) -> list[str]:
        """Answer with the last words of the prompt."""
        return [" ".join(record.prompt.split()[-8:]) for record in records]

    def losses(self, records: Sequence[Record]) -> npt.NDArray[np.float64]:
        """Return made-up mean losses between 1 and 2 nats, shape (n,)."""
        return np.array([1 + len(record.response) % 97 / 97 for record in records])


def check_quality_scorer(scorer: QualityScorer | PoolScorer) -> None:
    """Check a quality scorer, row by row or over a pool; raises `PluginError`."""
    name = _name(scorer)
    _check_identity(scorer)
    if hasattr(scorer, "score_pool") and hasattr(scorer, "features"):
        _check_rowwise(scorer.features, sample_records(), name, checked_vectors)
        _check_score_pool(scorer, name)
    elif hasattr(scorer, "score"):
        _check_rowwise(scorer.score, sample_records(), name, _scores)
    else:
        _fail(name, "a quality scorer has `score`, or `features` and `score_pool`")


def check_necessity_model(model: NecessityModel) -> None:
    """Check a necessity model on the answers and losses of a `FakeLanguageModel`."""
    name = _name(model)
    _check_identity(model)
    _require(hasattr(model, "judge"), name, "a necessity model has `judge`")
    language_model = FakeLanguageModel()

    def judge(records: Sequence[Record]) -> Any:
        return model.judge(records, language_model)

    _check_rowwise(judge, sample_records(), name, _scores)


def check_embedder(embedder: Embedder) -> None:
    """Check an embedder; one with `fit` is given all texts first."""
    name = _name(embedder)
    _check_identity(embedder)
    _require(hasattr(embedder, "embed"), name, "an embedder has `embed`")
    texts = [record.prompt for record in sample_records()]
    if hasattr(embedder, "fit"):
        embedder.fit(list(texts))
    _check_rowwise(embedder.embed, texts, name, checked_vectors)


def check_selector(selector: Selector) -> None:
    """Check a selector on small pools, with and without fixed centres."""
    name = _name(selector)
    _check_identity(selector)
    _require(hasattr(selector, "select"), name, "a selector has `select`")
    pool = sample_pool()
    for initial in ([], [0], [5, 2, 11]):
        for k in (1, 3, 10):
            _check_picks(selector, pool, k, np.array(initial, dtype=np.int64), name)


def sample_pool() -> Pool:
    """Return the sample records with made-up vectors, shape (24, 8), and quality scores."""
    records = sample_records()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(records), 8)).astype(np.float32)
    return Pool(records, vectors, rng.normal(size=len(records)))


# --- the rules of everything that works row by row ----------------------------------------------


def _check_rowwise(
    call: Callable[[Sequence[Any]], Any],
    items: list[Any],
    name: str,
    read: Callable[[Any, int, str], FloatArray],
) -> None:
    """Check length, values, input left alone, and that neither call, order nor batch matters.

    `read` turns what the plug-in returned into an array with one entry or row per item, and
    checks what is particular to the kind.
    """

    def run(some: list[Any]) -> FloatArray:
        given, before = list(some), copy.deepcopy(some)
        result = read(call(given), len(some), name)
        _require(_same_input(given, before), name, "the input must be left as it was")
        return result

    first = run(items)
    _require(_equal(first, run(items)), name, "two calls with the same input must agree")
    order = np.random.default_rng(1).permutation(len(items))
    permuted = run([items[i] for i in order])
    _require(
        _close(permuted, first[order], first),
        name,
        "results must come in the order of the input: permuted input must give permuted results",
    )
    singles = [run([item]) for item in items]
    same_width = {single.shape[1:] for single in singles} == {first.shape[1:]}
    _require(same_width, name, "vectors must have the same d in every call")
    alone = np.concatenate(singles)
    _require(
        _close(alone, first, first),
        name,
        "a result must not depend on the other rows of its batch (is the attention mask passed?)",
    )


def _scores(result: Any, count: int, name: str) -> FloatArray:
    """Read scores; a row that was declared unscorable becomes nan."""
    scores = checked_scores(result, count, name)
    for score in scores:
        reason = score.reason if isinstance(score, Unscorable) else "none"
        _require(bool(reason), name, "`Unscorable` must say the reason")
    values = np.array([np.nan if isinstance(score, Unscorable) else score for score in scores])
    some = count == 1 or not np.isnan(values).all()
    _require(some, name, "at least one sample row must get a score")
    return values


def _check_score_pool(scorer: Any, name: str) -> None:
    """Check the second step of a pool scorer."""
    records = sample_records()
    features = scorer.features(records)
    given, kept = list(records), features.copy()
    scores = _scores(scorer.score_pool(given, features), len(records), name)
    untouched = _same_input(given, records) and np.array_equal(features, kept)
    _require(untouched, name, "`score_pool` must leave records and features as they were")
    again = _scores(scorer.score_pool(records, features), len(records), name)
    _require(_equal(scores, again), name, "two calls of `score_pool` must agree")
    order = np.random.default_rng(1).permutation(len(records))
    permuted = scorer.score_pool([records[i] for i in order], features[order])
    _require(
        _close(_scores(permuted, len(records), name), scores[order], scores),
        name,
        "`score_pool` of a permuted pool must give permuted scores",
    )


# --- the rules of selectors ---------------------------------------------------------------------


def _check_picks(
    selector: Selector, pool: Pool, k: int, initial: npt.NDArray[np.int64], name: str
) -> None:
    kept = copy.deepcopy((pool.embeddings, pool.quality, initial))
    picks = selector.select(pool, k, initial=initial)
    rows = checked_picks(picks, len(pool.records), k, initial, name).indices
    _require(len(rows) > 0, name, "rows that differ are left, yet none was picked")
    _check_radii(picks, name)
    untouched = (
        np.array_equal(kept[0], pool.embeddings)
        and np.array_equal(kept[1], pool.quality)
        and np.array_equal(kept[2], initial)
    )
    _require(untouched, name, "the pool must be left as it was")
    again = selector.select(pool, k, initial=initial)
    _require(np.array_equal(rows, again.indices), name, "two calls must pick the same rows")


def _check_radii(picks: Picks, name: str) -> None:
    if picks.radii is None:
        return
    _require(bool(np.isfinite(picks.radii).all()), name, "radii must be finite")
    _require(bool((np.diff(picks.radii) <= 0).all()), name, "a covering radius never grows")


# --- small helpers ------------------------------------------------------------------------------


def _check_identity(plugin: object) -> None:
    """Check `identity`, where there is one: JSON, and the same each time."""
    identity = getattr(plugin, "identity", None)
    if identity is None:
        return
    name = _name(plugin)
    try:
        first, second = (json.dumps(dict(identity()), sort_keys=True) for _ in range(2))
    except (TypeError, ValueError) as error:
        raise PluginError(f"{name}: `identity()` must be a dict that JSON can hold") from error
    _require(first == second, name, "`identity()` must be the same each time")


def _same_input(given: Sequence[Any], before: Sequence[Any]) -> bool:
    """Compare items and, for records, the raw rows, which record equality leaves out."""
    return list(given) == list(before) and all(
        getattr(a, "raw", None) == getattr(b, "raw", None)
        for a, b in zip(given, before, strict=True)
    )


def _equal(one: FloatArray, other: FloatArray) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))


def _close(one: FloatArray, other: FloatArray, scale: FloatArray) -> bool:
    """Compare within `TOLERANCE` of the largest value of `scale`, at least 1."""
    if one.shape != other.shape:
        return False
    largest = float(np.nanmax(np.abs(scale), initial=1.0))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * largest, equal_nan=True))


def _name(plugin: object) -> str:
    return type(plugin).__name__


def _require(kept: bool, name: str, rule: str) -> None:
    if not kept:
        _fail(name, rule)


def _fail(name: str, rule: str) -> None:
    raise PluginError(f"{name} breaks a rule: {rule}")

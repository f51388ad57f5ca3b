"""Stage 2: the selector is given what it needs, and nothing else is computed."""

from collections import Counter

import numpy as np
import pytest
from conftest import HERE

from mods import Picks, PluginError, Unscorable


class Recording:
    """A selector that remembers the pools it saw, and picks the first rows."""

    def __init__(self):
        self.pools.append(None)

    def select(self, pool, budget, *, initial):
        self.pools[-1] = pool if self.pools[-1] is None else self.pools[-1]
        free = [i for i in range(len(pool.records)) if i not in set(initial.tolist())]
        return Picks(np.array(free[: budget.rows], dtype=np.int64))


@pytest.fixture
def needing(registry):
    """Register the selector `mine`, which needs these; returns the list of the pools it saw."""

    def register(*needs):
        pools = []
        registry.register(
            "selector",
            HERE,
            "mine",
            type("Needing", (Recording,), {"needs": needs, "pools": pools}),
        )
        return pools

    return register


def kinds(calls):
    return Counter(kind for kind, _ in calls())


def test_a_selector_that_needs_nothing_makes_no_part_embed_or_count(needing, select, calls):
    pools = needing()
    selection = select(selector="mine")
    assert pools[0].embeddings is None
    assert pools[0].tokens is None
    assert set(pools[0].scores) == {"quality"}
    assert kinds(calls).keys() == {"score", "tune", "generate", "review"}
    assert selection.totals["selected"] == 14


def test_a_selector_that_does_not_say_is_given_embeddings_and_quality(select, registry):
    pools = []
    registry.register("selector", HERE, "mine", type("Silent", (Recording,), {"pools": pools}))
    select(selector="mine")
    assert pools[0].embeddings.shape == (30, 26)
    assert pools[0].tokens is None
    assert [len(r.response) for r in pools[0].records] == pools[0].scores["quality"].tolist()


def test_token_counts_are_those_of_the_trainer(needing, select, calls):
    pools = needing("tokens")
    selection = select(selector="mine")
    expected = [len(r.response.split()) for r in pools[0].records]
    assert pools[0].tokens.tolist() == selection.pool.tokens.tolist() == expected
    assert pools[0].tokens.dtype == np.int64
    assert kinds(calls)["tokens"] == 30
    select(selector="mine")
    assert "tokens" not in kinds(calls)


class Words:
    """A further scorer, which cannot score answers about harbours."""

    def __init__(self, factor=1):
        self.factor = factor

    def score(self, records):
        return [
            Unscorable("far away") if "harbour" in r.response
            else float(self.factor * len(r.response.split()))
            for r in records
        ]  # fmt: skip


def test_a_further_scorer_is_a_column_of_the_pool_and_of_the_receipts(needing, select, registry):
    registry.register("quality", HERE, "words", Words)
    pools = needing("embeddings", "words:factor=2")
    selection = select(selector="mine", alpha="top 40")
    pool = pools[0]
    assert pool.scores.keys() == {"quality", "words:factor=2"}
    assert len(pool.records) == len(pool.embeddings) == len(pool.scores["quality"]) == 35
    expected = [2.0 * len(r.response.split()) for r in pool.records]
    assert pool.scores["words:factor=2"].tolist() == expected
    receipts = {r.row: r for r in selection.receipts}
    noted = [receipts[r.row].scores["quality_words_factor_2"] for r in pool.records]
    assert noted == expected
    assert selection.costs.of("quality: words").rows == 40


def test_a_row_that_a_further_scorer_cannot_score_is_quarantined_there(needing, select, registry):
    registry.register("quality", HERE, "words", Words)
    needing("words")
    selection = select(selector="mine", alpha="top 40")
    away = [r for r in selection.receipts if r.fate == "quarantined"]
    assert [(r.stage, r.reason) for r in away] == [("coverage", "far away")] * 5
    assert len(selection.quarantined) == 5
    assert sum(selection.totals.values()) == 41


def test_a_further_scorer_belongs_to_what_makes_a_run(needing, select, registry):
    registry.register("quality", HERE, "words", Words)
    needing("words")
    plugins = select(selector="mine").manifest["makes"]["plugins"]
    assert plugins["selector needs words"]["name"] == "words"
    assert plugins.keys() == {
        "quality", "embedder", "selector", "necessity", "trainer", "generator",
        "selector needs words",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("prompt", "paint\nthe apple"),
        ("instruction", "paint"),
        ("both", "paint\nthe apple\nin red"),
    ],
)
def test_what_is_embedded_can_be_chosen(what, text, select, registry):
    seen = []

    class Seeing:
        def embed(self, texts):
            seen.extend(texts)
            return np.ones((len(texts), 1), dtype=np.float32)

    registry.register("embedder", HERE, "seeing", Seeing)
    row = {"instruction": "paint", "input": "the apple", "output": "in red"}
    select([row], embedder="seeing", seeds=1, budget=1, alpha="top 1", embed_text=what)
    assert seen == [text]


def test_vectors_that_depend_on_the_pool_are_kept_for_that_pool_alone(select, registry, rows):
    seen = []

    class Fitted:
        def fit(self, texts):
            self.longest = max(map(len, texts))

        def embed(self, texts):
            seen.append(len(texts))
            return np.array([[len(text) / self.longest, 1] for text in texts], dtype=np.float32)

    registry.register("embedder", HERE, "fitted", Fitted)
    select(embedder="fitted")
    select(embedder="fitted", budget=12)
    assert seen == [30]
    select(embedder="fitted", alpha="top 29")
    assert seen == [30, 29]


def test_a_selector_that_picks_too_little_is_told_and_one_that_picks_wrongly_refused(
    select, registry
):
    class Short:
        def select(self, pool, budget, *, initial):
            return Picks(np.arange(3))

    class Twice:
        def select(self, pool, budget, *, initial):
            return Picks(np.zeros(budget.rows, dtype=np.int64))

    registry.register("selector", HERE, "short", Short)
    registry.register("selector", HERE, "twice", Twice)
    selection = select(selector="short")
    assert selection.totals["selected"] == 3
    assert selection.manifest["notices"][-1] == (
        "3 seeds instead of 8: every other row coincides with one of them"
    )
    with pytest.raises(PluginError, match=r"'twice' \(this test\) picked a row twice"):
        select(selector="twice")


def test_rows_that_the_selector_cannot_place_are_quarantined(select, registry, rows):
    class Picky:
        def refused(self, pool):
            return {1: "has no place"}

        def select(self, pool, budget, *, initial):
            return Picks(np.arange(budget.rows))

    registry.register("selector", HERE, "picky", Picky)
    selection = select(selector="picky", alpha="top 40", seeds=8, budget=8)
    receipt = selection.receipts[1]
    assert (receipt.fate, receipt.stage, receipt.reason) == (
        "quarantined", "coverage", "has no place",
    )  # fmt: skip
    assert selection.totals == {"selected": 8, "rejected": 32, "quarantined": 1}

"""Every rule of selectors, broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mods import Budget, Picks, PluginError, Pool
from mods.testing import check_selector


class Selector:
    def __init__(self, call: Callable[[Pool, int, Any], Any]) -> None:
        self.call = call

    def select(self, pool: Pool, budget: Budget, *, initial: Any) -> Any:
        if budget.tokens is None:
            return self.call(pool, budget.rows, initial)
        return budget.take([row for row in range(24) if row not in initial], pool)


def first_free(pool: Pool, k: int, initial: Any) -> Picks:
    free = [row for row in range(len(pool.records)) if row not in initial.tolist()]
    return Picks(np.array(free[:k], dtype=np.int64))


def with_radii(pool: Pool, k: int, initial: Any, radii: Any) -> Picks:
    indices = first_free(pool, k, initial).indices
    return Picks(indices, np.resize(np.array(radii, dtype=np.float32), len(indices)))


def spoil(pool: Pool, k: int, initial: Any) -> Picks:
    assert pool.embeddings is not None
    pool.embeddings[:] = 0
    return first_free(pool, k, initial)


def spoil_scores(pool: Pool, k: int, initial: Any) -> Picks:
    pool.scores["quality"][:] = 0
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
        (spoil_scores, "left as it was"),
    ],
)
def test_rules_of_selectors(call: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_selector(Selector(call))


def test_a_selector_gets_what_it_needs_and_nothing_else() -> None:
    seen: list[Pool] = []

    def look(pool: Pool, k: int, initial: Any) -> Picks:
        seen.append(pool)
        return first_free(pool, k, initial)

    class Needy(Selector):
        needs: Any = ("tokens", "ifd:model=x")

    check_selector(Needy(look))
    assert seen[-1].embeddings is None
    assert list(seen[-1].scores) == ["ifd:model=x"]
    assert seen[-1].tokens is not None
    assert seen[-1].tokens.shape == seen[-1].scores["ifd:model=x"].shape == (24,)
    check_selector(Selector(look))
    assert seen[-1].embeddings is not None
    assert (list(seen[-1].scores), seen[-1].tokens) == (["quality"], None)
    Needy.needs = "tokens"
    with pytest.raises(PluginError, match="`needs` must be a tuple of names"):
        check_selector(Needy(look))


def test_a_selector_must_keep_to_a_budget_in_tokens() -> None:
    class Careless(Selector):
        def select(self, pool: Pool, budget: Budget, *, initial: Any) -> Any:
            return first_free(pool, budget.rows, initial)

    with pytest.raises(PluginError, match=r"rows of 1937 tokens; expected at most 100"):
        check_selector(Careless(first_free))


def test_good_selectors_pass() -> None:
    check_selector(Selector(first_free))
    check_selector(Selector(lambda *args: with_radii(*args, [1])))

"""Every rule of arms, evaluators and judges, broken on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mods import Evidence, PluginError, Pool, Record, Scale
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.testing import check_arm, check_evaluator


class Arm:
    def __init__(self, call: Callable[[Pool], Any]) -> None:
        self.call = call

    def rank(self, pool: Pool) -> Any:
        return self.call(pool)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda pool: [], "one or more"),
        (lambda pool: [0.5], "whole numbers"),
        (lambda pool: [len(pool.records)], "places of the pool"),
        (lambda pool: [1, 1], "twice"),
        (lambda pool: np.random.default_rng().permutation(len(pool.records)), "must agree"),
    ],
)
def test_rules_of_arms(call: Callable[[Pool], Any], rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_arm(Arm(call))


class Evaluator:
    def __init__(self, scale: Any = None, add: float = 0.0) -> None:
        self._scale, self.add = scale or Scale("words", "lower", (0, None)), add

    def scale(self) -> Scale:
        return self._scale  # type: ignore[no-any-return]

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> list[float]:
        return [len(answer.split()) + self.add for answer in evidence.answers]


def test_rules_of_evaluators() -> None:
    check_evaluator(Evaluator())
    with pytest.raises(PluginError, match=r"mods\.Scale"):
        check_evaluator(Evaluator(scale="words"))
    with pytest.raises(PluginError, match="range"):
        check_evaluator(Evaluator(add=-1e6))


def test_rules_of_judges() -> None:
    judge = load_plugins(Sources()).get("evaluator", "judge").factory
    check_evaluator(judge(generator="hf"))

    class Deaf(judge):  # type: ignore[misc,valid-type]
        def again(self, question: Any) -> Any:
            return question

        def read(self, said: str) -> float | None:
            return None

    with pytest.raises(PluginError, match="something else than `question`"):
        check_evaluator(Deaf(generator="hf"))


@pytest.mark.parametrize("name", ["random", "longest", "top-quality", "distinct-half", "whole"])
def test_the_arms_keep_the_rules(name: str) -> None:
    check_arm(load_plugins(Sources()).get("arm", name).factory())


@pytest.mark.parametrize("name", ["length", "loss", "checkable"])
def test_the_evaluators_keep_the_rules(name: str) -> None:
    check_evaluator(load_plugins(Sources()).get("evaluator", name).factory())

"""What a verdict takes from plug-ins is told apart by its methods."""

from __future__ import annotations

from mods.interfaces.trials import Arm, Evaluator, PairwiseJudge, Scale
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources


def test_arms_evaluators_and_judges_are_told_apart() -> None:
    registry = load_plugins(Sources())
    judge = registry.get("evaluator", "judge").factory(generator="hf")
    length = registry.get("evaluator", "length").factory()
    longest = registry.get("arm", "longest").factory()
    kinds = (Arm, Evaluator, PairwiseJudge)
    assert [isinstance(longest, kind) for kind in kinds] == [True, False, False]
    assert [isinstance(length, kind) for kind in kinds] == [False, True, False]
    assert [isinstance(judge, kind) for kind in kinds] == [False, False, True]


def test_a_scale_is_open_at_both_ends_unless_it_says() -> None:
    assert Scale("nats", "lower").range == (None, None)

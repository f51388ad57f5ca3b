"""A kind of plug-in names its methods for messages."""

from __future__ import annotations

from mods.interfaces import PoolScorer, QualityScorer
from mods.interfaces.kinds import Kind, methods_of


def test_the_methods_of_a_kind_are_named_and_private_ones_are_not() -> None:
    kind = Kind("quality", "register_quality_scorers", (QualityScorer, PoolScorer), "Scorer.")
    assert kind.methods == "score() or features() and score_pool()"
    assert methods_of(type("Odd", (), {"_own": print, "name": "x", "do": print})) == ["do()"]

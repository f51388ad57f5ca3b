"""Conformance checks for plug-in authors: one call says whether a plug-in keeps the rules.

    from mods.testing import check_quality_scorer

    def test_my_scorer():
        check_quality_scorer(MyScorer())

There is one check per kind of plug-in (`CHECKS`). Each runs the plug-in on `sample_records()`
(several languages, several turns, long and short responses) and raises `PluginError` with the
broken rule and the name of the plug-in's class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mods.testing.exporters import check_exporter
from mods.testing.models import check_generator, check_trainer
from mods.testing.rows import check_embedder, check_necessity_model, check_quality_scorer
from mods.testing.samples import sample_evidence, sample_pool, sample_records
from mods.testing.selectors import check_selector
from mods.testing.trials import check_arm, check_evaluator
from mods.testing.work import check_executor, check_reader

__all__ = [
    "CHECKS",
    "check_arm",
    "check_embedder",
    "check_evaluator",
    "check_executor",
    "check_exporter",
    "check_generator",
    "check_necessity_model",
    "check_quality_scorer",
    "check_reader",
    "check_selector",
    "check_trainer",
    "sample_evidence",
    "sample_pool",
    "sample_records",
]

CHECKS: Mapping[str, Callable[..., None]] = {
    "quality": check_quality_scorer,
    "embedder": check_embedder,
    "selector": check_selector,
    "necessity": check_necessity_model,
    "trainer": check_trainer,
    "generator": check_generator,
    "reader": check_reader,
    "executor": check_executor,
    "arm": check_arm,
    "evaluator": check_evaluator,
    "exporter": check_exporter,
}
"""The check of each kind of plug-in, by the name of the kind (`mods.interfaces.KINDS`)."""

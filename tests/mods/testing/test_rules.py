"""The rules of all kinds, and one check for each kind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mods import PluginError
from mods.interfaces import KINDS
from mods.testing import (
    CHECKS,
    check_arm,
    check_embedder,
    check_evaluator,
    check_executor,
    check_generator,
    check_necessity_model,
    check_quality_scorer,
    check_reader,
    check_selector,
    check_trainer,
)

counter = itertools.count()


def lengths(records: Sequence[Any]) -> Any:
    return np.array([float(len(getattr(record, "response", record))) for record in records])


def test_rules_of_identity() -> None:
    class Odd:
        score = staticmethod(lengths)

        def identity(self) -> Any:
            return {"callable": print}

    class Moving:
        score = staticmethod(lengths)

        def identity(self) -> Any:
            return {"count": next(counter)}

    with pytest.raises(PluginError, match="JSON"):
        check_quality_scorer(Odd())
    with pytest.raises(PluginError, match="same each time"):
        check_quality_scorer(Moving())


def test_a_plugin_without_its_method() -> None:
    nothing: Any = object()
    for check, method in (
        (check_quality_scorer, "score"),
        (check_necessity_model, "review"),
        (check_embedder, "embed"),
        (check_selector, "select"),
        (check_trainer, "train"),
        (check_generator, "answers"),
        (check_executor, "map"),
        (check_arm, "rank"),
        (check_evaluator, "evaluate"),
        (lambda reader: check_reader(reader, "a.jsonl"), "read"),
    ):
        with pytest.raises(PluginError, match=f"object breaks a rule: .*`{method}`"):
            check(nothing)


def test_there_is_a_check_for_every_kind_of_plugin() -> None:
    assert list(CHECKS) == [kind.name for kind in KINDS]

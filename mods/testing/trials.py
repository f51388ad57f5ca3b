"""The rules of what a verdict takes: arms and evaluators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.interfaces import ANSWERS, EMBEDDINGS, LOSSES, QUALITY, TOKENS
from mods.interfaces.trials import REFERENCES, Arm, Evaluator, PairwiseJudge, Scale
from mods.records import Conversation, Record
from mods.testing.rows import check_rowwise, read_scores
from mods.testing.rules import check_identity, name_of, needs_of, require, require_methods
from mods.testing.samples import sample_evidence, sample_pool, sample_records

if TYPE_CHECKING:
    from mods.interfaces import Evidence

OPPONENTS = ("random", "untuned", "references")


def check_arm(arm: Arm) -> None:
    """Check an arm: places of the pool, none twice, the same each time; raises `PluginError`."""
    name = name_of(arm)
    check_identity(arm)
    require_methods(arm, "an arm", "rank")
    needs_of(arm, (), (EMBEDDINGS, QUALITY, TOKENS))
    pool = sample_pool()
    ranked = np.asarray(arm.rank(pool))
    whole = ranked.ndim == 1 and len(ranked) > 0 and np.issubdtype(ranked.dtype, np.integer)
    require(whole, name, "`rank` must return whole numbers, one or more")
    inside = ranked.min() >= 0 and ranked.max() < len(pool.records)
    require(inside, name, "`rank` must return places of the pool, from 0")
    require(len(np.unique(ranked)) == len(ranked), name, "`rank` must not name a row twice")
    same = np.array_equal(ranked, np.asarray(arm.rank(sample_pool())))
    require(same, name, "two calls of `rank` with the same pool must agree")


def check_evaluator(evaluator: Evaluator | PairwiseJudge) -> None:
    """Check an evaluator on made-up evidence, or a pairwise judge; raises `PluginError`."""
    check_identity(evaluator)
    if hasattr(evaluator, "question"):
        _check_judge(evaluator)
    else:
        _check_evaluator(evaluator)


def _check_evaluator(evaluator: Any) -> None:
    name = name_of(evaluator)
    require_methods(evaluator, "an evaluator", "evaluate", "scale")
    needs = needs_of(evaluator, (ANSWERS,), (ANSWERS, LOSSES, REFERENCES))
    scale = evaluator.scale()
    fit = isinstance(scale, Scale) and scale.better in ("higher", "lower", None)
    require(fit, name, "`scale` must return a `mods.Scale` that says which way is better")
    given = [need for need in needs if need != REFERENCES]

    def evaluate(prompts: Sequence[Record]) -> Any:
        evidence: Evidence = sample_evidence(prompts, given)
        before = sample_evidence(prompts, given)
        result = evaluator.evaluate(prompts, evidence)
        require(evidence == before, name, "the evidence must be left as it was")
        low, high = scale.range
        scores = read_scores(result, len(prompts), name)
        kept = np.array([x for x in scores if not np.isnan(x)])
        inside = (low is None or (kept >= low).all()) and (high is None or (kept <= high).all())
        require(bool(inside), name, "every number must lie in the range that `scale` gives")
        return result

    own = getattr(evaluator, "measures", lambda prompt: True)
    records = [record for record in sample_records() if own(record)]
    if records:
        check_rowwise(evaluate, records, name, read_scores)


def _check_judge(judge: Any) -> None:
    name = name_of(judge)
    require_methods(judge, "a pairwise judge", "question", "read", "again", "length")
    named = isinstance(getattr(judge, "generator", None), dict) and "name" in judge.generator
    require(named, name, "`generator` must be a table with the `name` of a generator")
    known = getattr(judge, "opponent", None) in OPPONENTS
    require(known, name, f"`opponent` must be one of {', '.join(OPPONENTS)}")
    for prompt in sample_records():
        asked = judge.question(prompt, "one answer", "another answer")
        turned = judge.question(prompt, "another answer", "one answer")
        again = judge.again(asked)
        whole = all(isinstance(one, Conversation) for one in (asked, turned, again))
        require(whole, name, "`question` and `again` must return conversations")
        require(asked.key != turned.key, name, "the question must say which answer comes first")
        require(again.key != asked.key, name, "`again` must ask something else than `question`")
    require(judge.read("") is None, name, "`read` must return None for an empty text")
    require(judge.length("") >= 0, name, "a `length` is 0 or more")

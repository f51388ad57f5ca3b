"""Does an arm help? Paired differences, their intervals, and one of three words.

The intervals (`mods.judging.intervals`) hold the luck of prompts, of draws and of tuning seeds. So
a selection that is nothing but another random draw is called "helped" or "hurt" in at most 5 % of
all trials; `benchmarks/verdict/calibration.py` counts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mods.errors import DataError, SettingsError
from mods.judging.intervals import POWER, Contrast, Estimate, Floats, Luck, estimate, holm

Better = Literal["higher", "lower"]
Word = Literal["helped", "no evidence", "hurt"]
Values = Mapping[str, Floats]
"""By arm: shape (draws, seeds, prompts), one number a prompt; NaN where none could be judged."""

FEWEST_PROMPTS = 5
"""With fewer paired prompts nothing is said."""


@dataclass(frozen=True)
class Comparison:
    """One arm against another, over the prompts that both could be judged on.

    Attributes:
        arm, against: names of the two.
        effect: mean difference in the unit of the measure; positive is better for `arm`.
        low, high: ends of the interval of `effect`, of this comparison by itself.
        p: two-sided, from the same resamples as the interval; in (0, 1].
        p_holm: `p` after Holm's correction for all comparisons of the judgement; in (0, 1].
        detectable: smallest true effect that so many prompts, draws and seeds would show in 80 % of
            all trials, in the unit of the measure; NaN where none could be shown (one random draw).
        prompts: how many have a value in every draw and seed of both arms.
    """

    arm: str
    against: str
    effect: float
    low: float
    high: float
    p: float
    p_holm: float
    detectable: float
    prompts: int


@dataclass(frozen=True)
class Judgement:
    """What one measure says of the subject.

    Attributes:
        word: "helped", "no evidence" or "hurt".
        reason: one plain sentence.
        means: by arm, over the prompts that it could be judged on, in the unit of the measure.
        intervals: by arm, of its mean.
        comparisons: the subject against every other arm, in the order of the arms.
        others: every other arm against the baseline, corrected among themselves.

    An arm with too few judged prompts is missing from these; `reason` names it.
    """

    word: Word
    reason: str
    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    comparisons: Sequence[Comparison]
    others: Sequence[Comparison]


def judge(
    values: Values,
    *,
    better: Better,
    subject: str = "selection",
    baseline: str = "random",
    rival: str = "longest",
    fixed: Collection[str] = ("untuned",),
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Judgement:
    """Judge an arm by one measure.

    *helped*: the interval of the subject against the mean of the random draws lies above zero, and
    that against the rival does not lie below zero (it may hold zero: not shown to be worse).
    *hurt*: the interval against the random draws lies below zero. Else *no evidence*. These two
    intervals alone decide, so they are not widened for the other comparisons; `p_holm` is. With one
    random draw the luck of a draw cannot be told from an effect: then the word is "no evidence",
    and intervals hold what prompts and tuning seeds explain, no more.

    Args:
        values: by arm; prompts are the same in all, in the same order, draws and seeds may differ.
            An arm of fewer seeds than the baseline has its wider luck added.
        better: which values are.
        subject: the arm that is judged.
        baseline: the arm whose draws tell how much luck does.
        rival: the arm that the subject must not be worse than; it may be missing.
        fixed: arms that no draw and no seed could have made otherwise.
        resamples: of the prompts, 100 or more.
        seed: of the resampling. The same values and seed give the same judgement; an arm more or
            less changes nothing in the others' intervals.
        level: of the intervals, between 0 and 1.

    Raises:
        SettingsError: no such subject or baseline; a level or number of resamples without sense.
        DataError: arms of different shapes, infinite values, or fewer than 5 prompts that subject
            and baseline could both be judged on.
    """
    check_settings(values, (subject, baseline), resamples, level)
    check_arms(values, values[subject].shape[-1])
    luck = Luck.of(values[baseline])
    sign = 1.0 if better == "higher" else -1.0
    arms = {
        arm: Contrast(x.mean(axis=(0, 1)), *((0.0, 0.0) if arm in fixed else luck.of_arm(x)))
        for arm, x in values.items()
    }
    prompts = arms[subject].less(arms[baseline], sign).prompts
    if prompts < FEWEST_PROMPTS:
        raise DataError(
            f"{prompts} prompts have a value in every draw and seed of the arms {subject!r} and "
            f"{baseline!r}, at least {FEWEST_PROMPTS} must: give more prompts, or see why they "
            "could not be judged"
        )

    def estimates(contrasts: Mapping[str, Contrast]) -> dict[str, Estimate]:
        known = {a: c for a, c in contrasts.items() if c.prompts >= FEWEST_PROMPTS}
        return {a: estimate(c, luck.df, resamples, seed, level) for a, c in known.items()}

    against = {a: arms[subject].less(c, sign) for a, c in arms.items() if a != subject}
    others = {
        a: c.less(arms[baseline], sign) for a, c in arms.items() if a not in (subject, baseline)
    }
    found, beside, means = estimates(against), estimates(others), estimates(arms)
    word, reason = say(found, luck, baseline, rival, level)
    if few := [arm for arm in against if arm not in found]:
        reason += f"; too few prompts could be judged of {', '.join(few)}"
    return Judgement(
        word=word,
        reason=reason,
        means={arm: e.value for arm, e in means.items()},
        intervals={arm: (e.low, e.high) for arm, e in means.items()},
        comparisons=[
            compared(subject, arm, found[arm], p, against[arm].prompts, luck)
            for arm, p in holm({arm: e.p for arm, e in found.items()}).items()
        ],
        others=[
            compared(arm, baseline, beside[arm], p, others[arm].prompts, luck)
            for arm, p in holm({arm: e.p for arm, e in beside.items()}).items()
        ],
    )


def compared(
    arm: str, against: str, found: Estimate, p_holm: float, prompts: int, luck: Luck
) -> Comparison:
    """Return an estimated difference as a comparison."""
    return Comparison(
        arm=arm,
        against=against,
        effect=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=p_holm,
        detectable=found.detectable if luck.draws > 1 else float("nan"),
        prompts=prompts,
    )


def check_settings(values: Values, needed: Iterable[str], resamples: int, level: float) -> None:
    """Refuse settings under which nothing can be judged."""
    for arm in needed:
        if arm not in values:
            there = ", ".join(values) or "none"
            raise SettingsError(f"no arm {arm!r} to judge by: there are {there}")
    if resamples < 100 or not 0 < level < 1:
        raise SettingsError(
            f"`resamples` {resamples} and `level` {level}: at least 100 resamples and a level "
            "between 0 and 1 are needed"
        )


def check_arms(values: Values, prompts: int) -> None:
    """Refuse arms that do not belong together, or values that are no measurements."""
    for arm, x in values.items():
        if x.ndim != 3 or 0 in x.shape[:2] or x.shape[2] != prompts:
            raise DataError(
                f"the values of arm {arm!r} have the shape {x.shape}, not (draws, seeds, {prompts})"
            )
        if np.isinf(x).any():
            raise DataError(f"arm {arm!r} has infinite values: the model or the measure has failed")


def say(
    found: Mapping[str, Estimate], luck: Luck, baseline: str, rival: str, level: float
) -> tuple[Word, str]:
    """Return the word and the sentence that gives its reason."""
    chance, other = found[baseline], found.get(rival)
    draws = f"the mean of the {luck.draws} {baseline} draws"
    interval = f"({percent(level)} interval {chance.low:.3g} to {chance.high:.3g})"
    if luck.draws == 1:
        unknown = "a draw" if luck.seeds > 1 else "a draw and of a tuning seed"
        return "no evidence", (
            f"only one {baseline} draw: how much the luck of {unknown} does is not known, so no "
            "effect can be told from it; take three draws or more"
        )
    if chance.high < 0:
        return "hurt", f"worse than {draws} by {-chance.value:.3g} {interval}"
    if chance.low <= 0:
        return "no evidence", (
            f"no difference to {draws} was shown {interval}; this is the usual result, and an "
            f"effect of {chance.detectable:.3g} would be found in {percent(POWER)} of such trials"
        )
    better = f"better than {draws} by {chance.value:.3g} {interval}"
    if other is None:
        return "helped", f"{better}; there is no {rival} arm to compare with"
    against = f"the {rival} responses (interval {other.low:.3g} to {other.high:.3g})"
    if other.high < 0:
        return "no evidence", f"{better}, but worse than {against}: length alone does more"
    return "helped", f"{better}, and not shown to be worse than {against}"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:.4g} %"

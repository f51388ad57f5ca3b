"""STUB: replaced at merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Better: TypeAlias = Literal["higher", "lower"]
Word: TypeAlias = Literal["helped", "no evidence", "hurt"]
Values: TypeAlias = Mapping[str, "npt.NDArray[np.float64]"]


@dataclass(frozen=True)
class Comparison:
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
    word: Word
    reason: str
    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    comparisons: Sequence[Comparison]


def judge(
    values: Values,
    *,
    better: Better,
    subject: str = "selection",
    baseline: str = "random",
    rival: str = "longest",
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Judgement:
    sign = 1.0 if better == "higher" else -1.0
    rng = np.random.default_rng(seed)
    size = values[subject].shape[2]
    found, means, intervals = [], {}, {}

    def sample(arm: str, at: "npt.NDArray[np.int64]") -> float:
        v = values[arm]
        d = rng.integers(v.shape[0], size=v.shape[0])
        s = rng.integers(v.shape[1], size=v.shape[1])
        return float(np.nanmean(v[d][:, s][:, :, at]))

    for arm in values:
        boots = [sample(arm, rng.integers(size, size=size)) for _ in range(200)]
        means[arm] = float(np.nanmean(values[arm]))
        intervals[arm] = (float(np.quantile(boots, 0.025)), float(np.quantile(boots, 0.975)))
    for arm in values:
        if arm == subject:
            continue
        boots = []
        for _ in range(200):
            at = rng.integers(size, size=size)
            boots.append(sign * (sample(subject, at) - sample(arm, at)))
        low, high = (float(np.quantile(boots, q)) for q in (0.025, 0.975))
        effect = sign * (means[subject] - means[arm])
        p = 2 * min(float(np.mean(np.array(boots) <= 0)), float(np.mean(np.array(boots) >= 0)))
        found.append(
            Comparison(subject, arm, effect, low, high, p, p, float(np.std(boots) * 2.8), size)
        )
    by = {c.against: c for c in found}
    word: Word = "no evidence"
    if baseline in by and by[baseline].low > 0 and (rival not in by or by[rival].low > 0):
        word = "helped"
    elif baseline in by and by[baseline].high < 0:
        word = "hurt"
    return Judgement(word, f"stub: {word}", means, intervals, found)

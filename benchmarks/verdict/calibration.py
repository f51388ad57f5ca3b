"""Count how often the verdict is wrong on simulated trials; writes benchmarks/results/.

    python -m benchmarks.verdict.calibration NAME [--trials 1000] [--quick]

A trial has a selection and random draws, answered on the same prompts. Prompts differ (in all arms
alike), draws differ, tuning seeds differ, and both do so more on some prompts than on others. In an
A/A trial the selection is one more random draw: "helped" or "hurt" is wrong then. There is no
longest arm, which could only make "helped" rarer. In every second trial the effect that the
judgement itself calls detectable is planted next, with all the luck left as it was, and is to be
found in 80 %. Three kinds of values:

- loss: nats a token, skewed prompts, more noise on some of them
- answer: right or wrong
- win: against one common opponent, by a judge that strongly prefers the first place and longer
  answers, asked in both orders

Luck is the standard deviation of a draw's mean: nats for the loss, logits else (0.04 logits are one
percent of the answers); that of a tuning seed is half of it.

Besides: what such a judge says of equally good pairs when it is asked in one order only, and what
length control does where the selection answers at more length, and no better.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mods.judging.pairwise import at_equal_length, settle
from mods.judging.statistics import Judgement, judge
from mods.kcenter.bench import machine_line

FIRST_PLACE, LENGTH = 1.5, 1.0  # what the biased judge adds, in logits
LUCK = {"loss": (0.01, 0.05), "answer": (0.04, 0.12), "win": (0.04, 0.12)}
TRIALS_A_SEED = 50
"""So many trials share the resamples of the prompts, which take longer than the rest."""
ARMS = ("selection", "random")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Design:
    kind: str
    prompts: int
    draws: int
    seeds: int
    luck: float


class Trial:
    """The quality of every answer, and the dice of the judge; effects can be planted afterwards."""

    def __init__(self, design: Design, number: int, longer: float = 0.0) -> None:
        self.design, self.seed = design, number // TRIALS_A_SEED
        rng = np.random.default_rng([number, *repr(design).encode()])
        n, loss = design.prompts, design.kind == "loss"
        prompt = rng.gamma(4.0, 0.4, n) if loss else rng.standard_normal(n)
        rough = rng.lognormal(0.0, 0.5, n) * (0.1 if loss else 0.5)
        self.quality, self.dice, self.length = {}, {}, {}
        for arm in ARMS:
            m, s = (design.draws if arm == "random" else 1), design.seeds
            draw = rng.standard_normal((m, 1, 1)) * design.luck
            draw = draw + rough * rng.standard_normal((m, 1, n))
            seed = rng.standard_normal((m, s, 1)) * design.luck / 2
            seed = seed + rough * rng.standard_normal((m, s, n))
            self.quality[arm] = prompt + draw + seed
            self.dice[arm] = rng.random((2, m, s, n))
            more = longer if arm == "selection" else 0.0
            self.length[arm] = rng.standard_normal((m, s, n)) + more

    def bias(self, arm: str) -> np.ndarray:
        return LENGTH * np.tanh(self.length[arm])

    def expected(self, arm: str, planted: float) -> float:
        quality = self.quality[arm] + planted
        if self.design.kind == "answer":
            return float(sigmoid(quality).mean())
        first, second = self.preferred(quality + self.bias(arm))
        return float((0.5 + 0.5 * (first * second - (1 - first) * (1 - second))).mean())

    def preferred(self, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How likely the judge prefers the answer when it stands first, and second."""
        return sigmoid(quality + FIRST_PLACE), sigmoid(quality - FIRST_PLACE)

    def values(self, arm: str, planted: float = 0.0) -> np.ndarray:
        quality, dice = self.quality[arm] + planted, self.dice[arm]
        if self.design.kind == "loss":
            return quality
        if self.design.kind == "answer":
            return (dice[0] < sigmoid(quality)).astype(float)
        first, second = self.preferred(quality + self.bias(arm))
        return settle((dice[0] < first).astype(float), (dice[1] < second).astype(float))

    def judge(self, planted: float = 0.0, control: bool = False) -> Judgement:
        values = {arm: self.values(arm, planted * (arm == "selection")) for arm in ARMS}
        if control:
            values = {arm: at_equal_length(x, self.length[arm]) for arm, x in values.items()}
        better = "lower" if self.design.kind == "loss" else "higher"
        return judge(values, better=better, seed=self.seed)

    def shift(self, effect: float) -> float | None:
        """What to add to the selection's quality for this effect; None where it is out of reach."""
        if self.design.kind == "loss":
            return -effect
        goal = self.expected("selection", 0.0) + effect
        low, high = 0.0, 8.0
        if self.expected("selection", high) < goal:
            return None
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (
                (low, middle) if self.expected("selection", middle) > goal else (middle, high)
            )
        return high


def calibrate(design: Design, trials: int) -> dict[str, Any]:
    """Count the words of A/A trials, and of the same with the detectable effect planted."""
    words, found, detectable = [], [], []
    for number in range(trials):
        trial = Trial(design, number)
        judged = trial.judge()
        words.append(judged.word)
        detectable.append(judged.comparisons[0].detectable)
        planted = trial.shift(detectable[-1]) if number % 2 else None
        if planted is not None:
            found.append(trial.judge(planted).word == "helped")
    return {
        **asdict(design),
        "helped": words.count("helped") / trials,
        "hurt": words.count("hurt") / trials,
        "detectable_median": float(np.median(detectable)),
        "planted": len(found),
        "found": float(np.mean(found)) if found else None,
    }


def order_bias(trials: int, prompts: int = 252) -> dict[str, Any]:
    """Mean win rate among equally good answers, asked in one order and in both."""
    rng = np.random.default_rng(0)
    quality = rng.standard_normal((trials, prompts))
    first = (rng.random(quality.shape) < sigmoid(quality + FIRST_PLACE)).astype(float)
    second = (rng.random(quality.shape) < sigmoid(quality - FIRST_PLACE)).astype(float)
    return {
        "trials": trials,
        "prompts": prompts,
        "win_rate_one_order": float(first.mean()),
        "win_rate_both_orders": float(settle(first, second).mean()),
    }


def length_bias(trials: int, longer: float) -> dict[str, Any]:
    """Words for a selection that is no better, but answers at more length."""
    design = Design("win", 252, 3, 3, 0.04)
    judged = [Trial(design, number, longer) for number in range(trials)]

    def share(word: str, control: bool) -> float:
        return float(np.mean([trial.judge(control=control).word == word for trial in judged]))

    return {
        "longer_by_standard_deviations": longer,
        "trials": trials,
        **asdict(design),
        "plain": {word: share(word, False) for word in ("helped", "hurt")},
        "controlled": {word: share(word, True) for word in ("helped", "hurt")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="a few designs only")
    options = parser.parse_args()
    start = time.perf_counter()
    rows = []
    for kind, n, m, s in itertools.product(LUCK, (80, 252, 1030), (3, 5), (1, 3)):
        for luck in LUCK[kind][-1:] if options.quick else LUCK[kind]:
            rows.append(calibrate(Design(kind, n, m, s, luck), options.trials))
            print(rows[-1], flush=True)
    wrong = np.array([row["helped"] + row["hurt"] for row in rows])
    found = [row["found"] for row in rows if row["planted"]]
    planted = [row["planted"] for row in rows if row["planted"]]
    report = {
        "machine": machine_line(),
        "trials_a_design": options.trials,
        "wrong_words": {"all": float(wrong.mean()), "worst_design": float(wrong.max())},
        "planted_found": {
            "all": float(np.average(found, weights=planted)),
            "worst_design": min(found),
            "best_design": max(found),
        },
        "order_bias": order_bias(options.trials),
        "length_bias": [length_bias(options.trials, longer) for longer in (0.0, 0.5, 1.0)],
        "seconds": time.perf_counter() - start,
        "designs": rows,
    }
    path = Path(__file__).parents[1] / "results" / f"verdict-calibration-{options.name}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(
        {key: report[key] for key in ("wrong_words", "planted_found", "order_bias", "length_bias")}
    )
    print(f"wrote {path.name} after {report['seconds']:.0f} s")


if __name__ == "__main__":
    main()

"""The reward of answers by a reward model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mods import Evidence, Record, Unscorable, hookimpl
from mods.interfaces import ANSWERS
from mods.interfaces.trials import Scale
from mods_plugins.scorers.reward_model import RewardModel

if TYPE_CHECKING:
    from mods.interfaces import Register


class Reward(RewardModel):
    """How a reward model rates the answers; the options are those of the scorer `reward-model`.

    Where the same model made the selection, the verdict says that it is not independent.
    """

    needs = (ANSWERS,)
    words = "reward of the answers"

    def scale(self) -> Scale:
        """Return the model's raw output: any number; higher is better."""
        return Scale("reward", "higher")

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> list[float | Unscorable]:
        """Return the reward of the answer to each prompt, shape (len(prompts),)."""
        return self.score_responses(prompts, evidence.answers)


@hookimpl
def register_evaluators(register: Register) -> None:
    """Register `reward`."""
    register("reward", Reward)

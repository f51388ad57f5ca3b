"""Necessity: how well does the seed-tuned model do on a row? Stage 3 of MoDS (section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import Evidence, Record, Unscorable, hookimpl
from mods.interfaces import ANSWERS, LOSSES
from mods_plugins.embedders.sentence import SentenceEmbedder
from mods_plugins.scorers.llm_judge import LLMJudge
from mods_plugins.scorers.reward_model import RewardModel
from mods_plugins.thoughts import answer_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register


class RewardNecessity(RewardModel):
    """The paper's (section 3.4): a reward model reviews what the tuned model answers.

    The options are those of the quality scorer `reward-model`: the thoughts before an answer are
    reviewed with `thoughts` only. An empty answer is an answer, a bad one, and is rated like any
    other; so is one whose thoughts never end.
    """

    needs = (ANSWERS,)

    def review(self, records: Sequence[Record], evidence: Evidence) -> list[float | Unscorable]:
        """Return the reward of the answer to each record: any finite number, higher is better."""
        return self.score_responses(records, evidence.answers)


class JudgeNecessity(LLMJudge):
    """A chat model behind a server reviews what the tuned model answers, by a rubric.

    The options are those of the quality scorer `llm-judge`. Thoughts before an answer are left
    out; an empty answer is rated like any other.
    """

    needs = (ANSWERS,)

    def review(self, records: Sequence[Record], evidence: Evidence) -> list[float | Unscorable]:
        """Return the judge's score of the answer to each record, `lowest` to `highest`."""
        return self.score_responses(records, evidence.answers)


class SimilarityNecessity(SentenceEmbedder):
    """How close the tuned model's answer comes to the row's own response, by a sentence encoder.

    Takes no reward model, and no thoughts before the answer. The options are those of the
    embedder `sentence-transformer`.
    """

    needs: tuple[str, ...] = (ANSWERS,)

    def review(self, records: Sequence[Record], evidence: Evidence) -> npt.NDArray[np.float64]:
        """Return the cosine between answer and response, in [-1, 1], shape (len(records),)."""
        answers = self.embed([answer_of(answer) for answer in evidence.answers])
        references = self.embed([record.response for record in records])
        return _cosines(answers.astype(np.float64), references.astype(np.float64))


class LossNecessity:
    """How expected the row's own response is to the tuned model; nothing is generated.

    The cheapest of the three: one forward pass a row.
    """

    needs = (LOSSES,)

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, which is the tuned model alone."""
        return {"loss": "mean nats per token of the response"}

    def review(self, records: Sequence[Record], evidence: Evidence) -> npt.NDArray[np.float64]:
        """Return minus the mean token loss of each response: at most 0, shape (len(records),)."""
        return -np.asarray(evidence.losses, dtype=np.float64)


def _cosines(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the cosine of each pair of rows; 0 where a vector is zero."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots: npt.NDArray[np.float64] = np.einsum("ij,ij->i", a, b)
    cosines = np.zeros_like(dots)
    np.divide(dots, norms, out=cosines, where=norms > 0)
    return cosines


@hookimpl
def register_necessity_models(register: Register) -> None:
    """Register `reward`, `llm-judge`, `similarity` and `loss`."""
    register("reward", RewardNecessity)
    register("llm-judge", JudgeNecessity)
    register("similarity", SimilarityNecessity)
    register("loss", LossNecessity)

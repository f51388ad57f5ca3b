"""Necessity: how well does the seed-tuned model do on a row? Stage 3 of MoDS (section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import Record, Unscorable, hookimpl
from mods_plugins.embedders import SentenceEmbedder
from mods_plugins.reward_model import RewardModel

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.hookspecs import RegisterNecessity
    from mods.interfaces import LanguageModel


class RewardNecessity(RewardModel):
    """The paper's: a reward model rates what the tuned model answers.

    The options are those of the quality scorer `reward-model`. An empty answer is an answer, a
    bad one, and is rated like any other.
    """

    def judge(self, records: Sequence[Record], model: LanguageModel) -> list[float | Unscorable]:
        """Return the reward of the model's answer to each record."""
        return self.score_responses(records, model.generate(records))


class SimilarityNecessity(SentenceEmbedder):
    """How close the tuned model's answer comes to the row's own response, by a sentence encoder.

    Takes no reward model. The options are those of the embedder `sentence-transformer`.
    """

    def judge(self, records: Sequence[Record], model: LanguageModel) -> npt.NDArray[np.float64]:
        """Return the cosine between answer and response, in [-1, 1]."""
        answers = self.embed(model.generate(records))
        references = self.embed([record.response for record in records])
        return _cosines(answers.astype(np.float64), references.astype(np.float64))


class LossNecessity:
    """How expected the row's own response is to the tuned model; nothing is generated.

    The cheapest of the three: one forward pass a row.
    """

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, which is the tuned model alone."""
        return {"loss": "mean nats per token of the response"}

    def judge(self, records: Sequence[Record], model: LanguageModel) -> npt.NDArray[np.float64]:
        """Return minus the mean token loss of each record's response: at most 0."""
        return -np.asarray(model.losses(records), dtype=np.float64)


def _cosines(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the cosine of each pair of rows; 0 where a vector is zero."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots: npt.NDArray[np.float64] = np.einsum("ij,ij->i", a, b)
    cosines = np.zeros_like(dots)
    np.divide(dots, norms, out=cosines, where=norms > 0)
    return cosines


@hookimpl
def register_necessity_models(register: RegisterNecessity) -> None:
    """Register `reward`, `similarity` and `loss`."""
    register("reward", RewardNecessity)
    register("similarity", SimilarityNecessity)
    register("loss", LossNecessity)

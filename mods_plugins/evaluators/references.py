"""Measures against human references: how expected they are, how close an answer comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mods import Evidence, Record, hookimpl
from mods.interfaces import ANSWERS, LOSSES
from mods.interfaces.trials import REFERENCES, Scale
from mods_plugins.necessity import SimilarityNecessity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.interfaces import Register


class ReferenceLoss:
    """How expected the reference of a prompt is to the model; nothing is generated.

    One forward pass a prompt, and the least noise of all measures. A reference longer than the
    tuning's `max_length` is read as far as that.
    """

    needs = (LOSSES, REFERENCES)
    words = "loss on the references"

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, which is the tuned model alone."""
        return {"loss": "mean nats per token of the reference"}

    def scale(self) -> Scale:
        """Return nats a token, 0 or more; lower is better."""
        return Scale("nats a token", "lower", (0.0, None))

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> list[float]:
        """Return the mean token loss of each reference, shape (len(prompts),)."""
        return list(evidence.losses)


class Similarity(SimilarityNecessity):
    """How close the answer comes to the reference, by a sentence encoder.

    Thoughts before the answer are left out. The options are those of the embedder
    `sentence-transformer`.
    """

    needs = (ANSWERS, REFERENCES)
    words = "similarity of the answer to the reference"

    def scale(self) -> Scale:
        """Return the cosine, from -1 to 1; higher is better."""
        return Scale("cosine", "higher", (-1.0, 1.0))

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> npt.NDArray[np.float64]:
        """Return the cosine between answer and reference, shape (len(prompts),)."""
        return self.review(prompts, evidence)


@hookimpl
def register_evaluators(register: Register) -> None:
    """Register `loss` and `similarity`."""
    register("loss", ReferenceLoss)
    register("similarity", Similarity)

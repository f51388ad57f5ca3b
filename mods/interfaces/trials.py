"""What a verdict takes from plug-ins: arms, which name rows, and evaluators, which measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.interfaces import Evidence, Unscorable
    from mods.pool import Pool
    from mods.records import Conversation, Record

    FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

Better: TypeAlias = Literal["higher", "lower"]
REFERENCES = "references"
"""What an evaluator may need besides answers and losses: prompts that have a reference."""


@runtime_checkable
class Arm(Protocol):
    """Names rows of the pool that a verdict holds against the selection.

    `needs` says what the pool must hold, as a selector's does: `embeddings`, `quality`. The tokens
    are always there. An arm whose factory has the parameter `draw` (0, 1, …) is drawn several
    times; `seed` is that of the run. Optional members: `words`, what the arm is in a few words;
    `repeats` (default true), false for rows that are to be learned once instead of epoch after
    epoch; `plain` (default false), whether one would take these rows without any selection.
    """

    def rank(self, pool: Pool) -> Sequence[int] | npt.NDArray[np.int64]:
        """Return places of rows, those to take first at the front, none twice.

        The verdict takes them in this order until their tokens are those of the selection.
        """
        ...


@dataclass(frozen=True)
class Scale:
    """What the numbers of an evaluator mean."""

    unit: str
    """As in `nats a token`."""
    better: Better | None
    """None where neither is: a number that is shown beside the others."""
    range: tuple[float | None, float | None] = (None, None)
    """The least and the greatest value, None where there is none."""


@runtime_checkable
class Evaluator(Protocol):
    """Measures how well a model does on each prompt by itself.

    `needs` says what it is given: `answers` (the default), `losses`, `references`; losses are those
    of the references. Prompts without a reference are kept from what needs one. Optional members:
    `words`, what it measures in a few words; `measures(prompt)`, whether it can measure a prompt
    at all (the others have no number, and are not asked for its sake); `fields`, columns of the
    prompt's row (`record.raw`) that it reads, by which its results are then kept, too.
    """

    def scale(self) -> Scale:
        """Return unit, range, and which way is better."""
        ...

    def evaluate(
        self, prompts: Sequence[Record], evidence: Evidence
    ) -> Sequence[float | Unscorable] | FloatArray:
        """Return one finite float per prompt (or `Unscorable`), in order.

        The reply of a prompt is its reference; the evidence has one entry per prompt.
        """
        ...


Opponent: TypeAlias = Literal["random", "untuned", "references"]
"""Whose answers a judge holds those of every arm against; see `PairwiseJudge`."""


@runtime_checkable
class PairwiseJudge(Protocol):
    """An evaluator that has a generator say which of two answers is better.

    The answers of every arm are held against those of one common `opponent`: a model tuned on one
    more random draw, which is no arm (`random`); the given model (`untuned`); or the references.
    Each pair is asked about in both orders: a judgement that changes with the order is a tie. The
    numbers are win rates at equal length (`mods.judging.pairwise`). Optional: `words`, and
    `max_new_tokens`, how much the generator may say (512).
    """

    generator: Mapping[str, Any]
    """Who judges: a table with the `name` of a generator and its options."""
    opponent: Opponent

    def question(self, prompt: Record, first: str, second: str) -> Conversation:
        """Return what the generator is asked about two answers to a prompt."""
        ...

    def read(self, said: str) -> float | None:
        """Return 1 if the first answer was said to be better, 0 the second, 0.5 for a tie.

        None where it says none of these: it is asked `again`, once, and then counted as a tie.
        """
        ...

    def again(self, question: Conversation) -> Conversation:
        """Return what is asked where the judge said nothing that can be read; another question."""
        ...

    def length(self, answer: str) -> float:
        """Return the length of an answer, in any unit, 0 or more."""
        ...

"""Measures by a pairwise judge: each answer against that of one common opponent, in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.interfaces import ANSWERS, Unscorable
from mods.interfaces.trials import REFERENCES, Scale
from mods.judging.pairwise import settle
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.settings.options import Generation, Tuning
from mods.verdicts.measures.measure import Counts, Measure, Measured
from mods.work.columns import ANSWERS as TEXTS
from mods.work.work import Job, items

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.records import Conversation
    from mods.work.tuned import TunedModel
    from mods.work.work import Work

TIE = 0.5
AGAINST = {
    "random": "one more random draw",
    "untuned": "the given model as it is",
    "references": "the references",
}


@dataclass(frozen=True, eq=False)
class PairMeasure(Measure):
    """A pairwise judge at work on some prompts."""

    @cached_property
    def generation(self) -> Generation:
        """How the judge answers: greedily, in as many tokens as it says."""
        own = getattr(self.part.object, "max_new_tokens", None)
        return Generation() if own is None else Generation(max_new_tokens=own)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Answers, and references where they are the opponent."""
        return (ANSWERS, REFERENCES) if self.opponent == REFERENCES else (ANSWERS,)

    @cached_property
    def scale(self) -> Scale:
        """Share of pairs won; higher is better."""
        return Scale("win rate", "higher", (0.0, 1.0))

    @property
    def opponent(self) -> str:
        """Whose answers those of the models are held against."""
        return str(self.part.object.opponent)

    @property
    def words(self) -> str:
        """What it measures, in a few words."""
        own = getattr(self.part.object, "words", "") or "pairwise judge"
        return f"{own}: win rate against {AGAINST[self.opponent]}"

    @cached_property
    def judge(self) -> Part:
        """The generator that judges; it is given nothing of the run's own model."""
        choice = Choice.read(self.part.object.generator, f"{self.part}: generator")
        context = {"seed": 0, "tuning": Tuning(), "generation": self.generation}
        return Part.choose(self.part.registry, "generator", choice, context)

    @property
    def judging(self) -> Mapping[str, Any]:
        """The identity of the generator that judges."""
        return self.judge.identity

    def check(self) -> None:
        """Look for what would stop it later."""
        self.part.check()
        self.judge.check()

    def measure(self, model: TunedModel, opponent: TunedModel | None, work: Work) -> Measured:
        """Return 1 where an answer won, 0.5 for a tie, 0 where it lost; one a prompt."""
        prompts = [self.prompts[at] for at in self.places]
        ours = model.answers(prompts).values
        theirs: Sequence[str | Unscorable] = [prompt.reply.content for prompt in prompts]
        if opponent is not None:
            theirs = opponent.answers(prompts).values
        pairs = {
            at: (own, other)
            for at, own, other in zip(self.places, ours, theirs, strict=True)
            if isinstance(own, str) and isinstance(other, str)
        }
        counts = Counts(asked=len(self.places))
        first = self._judged(pairs, counts, work)
        turned = {at: (other, own) for at, (own, other) in pairs.items()}
        second = 1 - self._judged(turned, counts, work)
        values, longer = np.full((2, len(self.prompts)), np.nan)
        values[list(pairs)] = settle(first, second)
        length = self.part.object.length
        for at, (own, other) in pairs.items():
            longer[at] = self.part.call(length, own) - self.part.call(length, other)
        counts.judged = int(np.isfinite(values).sum())
        return Measured(values, counts, longer)

    def _judged(
        self, pairs: Mapping[int, tuple[str, str]], counts: Counts, work: Work
    ) -> npt.NDArray[np.float64]:
        """Ask about pairs; returns how far the first answer of each is better, shape (pairs,).

        What cannot be read is asked again, once, and then is a tie; NaN where there is no word.
        """
        question = self.part.object.question
        asked = {
            at: self.part.call(question, self.prompts[at], *pair) for at, pair in pairs.items()
        }
        said = self._ask(asked, work)
        unread = [at for at, text in said.items() if self._read(text) is None]
        counts.retried += len(unread)
        again = self.part.object.again
        said |= self._ask({at: self.part.call(again, asked[at]) for at in unread}, work)
        found = {at: self._read(text) for at, text in said.items()}
        counts.ties_unparsed += sum(value is None for value in found.values())
        return np.array([TIE if value is None else value for value in found.values()], float)

    def _read(self, said: str | Unscorable) -> float | None:
        if isinstance(said, Unscorable):
            return np.nan
        value: float | None = self.part.call(self.part.object.read, said)
        return value

    def _ask(self, asked: Mapping[int, Conversation], work: Work) -> dict[int, str | Unscorable]:
        """Return what the judge says to each question; the cache keeps it."""
        settings = asdict(self.generation)
        del settings["batch_size"]
        job = Job(
            self.judge,
            "answers",
            f"verdict: {self.part.name}",
            f"judgements-{self.judge.name}",
            {"generator": self.judge.identity, "generation": settings},
            arguments=lambda: (None,),
            chunk_size=self.judge.chunk_size(self.generation.batch_size),
        )
        values = work.rows(job, TEXTS, items(list(asked.values()))).values
        return dict(zip(asked, values, strict=True))

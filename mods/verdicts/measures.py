"""The measures of a verdict: what each needs, whether it can be had, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import ANSWERS, LOSSES, TokenLosses, Unscorable
from mods.selection.necessity import with_evidence
from mods.selection.stage import unseen_media
from mods.trials import REFERENCES, Scale
from mods.verdicts.sets import has_reference
from mods.work.columns import SCORES
from mods.work.work import Item, Job

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.records import Record
    from mods.work.tuned import TunedModel
    from mods.work.work import Work

USUAL = ("loss", "similarity", "length")
"""The measures of a verdict that does not say, as far as they can be had."""


@dataclass
class Counts:
    """What became of the prompts, over all models."""

    asked: int = 0
    judged: int = 0
    retried: int = 0
    ties_unparsed: int = 0

    def add(self, other: Counts) -> None:
        """Add those of another model."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Measured:
    """The numbers of one model."""

    values: npt.NDArray[np.float64]
    """Shape (prompts,); NaN where there is none."""
    counts: Counts


@dataclass(frozen=True, eq=False)
class Measure:
    """An evaluator at work on some prompts."""

    name: str
    part: Part
    generator: Part
    prompts: Sequence[Record]
    """All prompts of the verdict."""
    chunk: int
    """Prompts a call, unless the evaluator says."""
    notes: list[str] = field(default_factory=list)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """What it is given besides the prompts."""
        needs = self.part.needs((ANSWERS,))
        for need in needs:
            if need not in (ANSWERS, LOSSES, REFERENCES):
                known = ", ".join((ANSWERS, LOSSES, REFERENCES))
                raise PluginError(f"{self.part} needs {need!r}; there are {known}")
        if LOSSES in needs and not isinstance(self.generator.object, TokenLosses):
            raise SettingsError(
                f"{self.part} needs token losses, which {self.generator} does not give"
            )
        return needs

    @cached_property
    def scale(self) -> Scale:
        """Unit, range, and which way is better."""
        scale = self.part.call(self.part.object.scale)
        if not isinstance(scale, Scale) or scale.better not in ("higher", "lower", None):
            raise PluginError(f"{self.part}: scale() returned {scale!r}; expected mods.Scale")
        return scale

    @property
    def words(self) -> str:
        """What it measures, in a few words."""
        return str(getattr(self.part.object, "words", "")) or self.name

    @property
    def lacks(self) -> str:
        """Why prompts may have no number."""
        if REFERENCES in self.needs or LOSSES in self.needs:
            return "its prompts have no references"
        return "none of its prompts could be answered and measured"

    @cached_property
    def places(self) -> list[int]:
        """The prompts that can be measured: with a reference where one is needed, all seen."""
        wants = REFERENCES in self.needs or LOSSES in self.needs
        return [
            at
            for at, prompt in enumerate(self.prompts)
            if (has_reference(prompt) or not wants) and not unseen_media(self.generator, prompt)
        ]

    def measure(self, model: TunedModel, work: Work) -> Measured:
        """Return the numbers of a model, one a prompt."""
        left, found = list(self.places), {}
        for need in (n for n in self.needs if n in (ANSWERS, LOSSES)):
            results = getattr(model, need)([self.prompts[at] for at in left])
            found[need] = dict(zip(left, results.values, strict=True))
            left = [at for at in left if not isinstance(found[need][at], Unscorable)]
        asked = [self._item(at, {need: values[at] for need, values in found.items()})
                 for at in left]  # fmt: skip
        scores = work.rows(self._job(model), SCORES, asked).values
        values = np.full(len(self.prompts), np.nan)
        for at, score in zip(left, scores, strict=True):
            values[at] = np.nan if isinstance(score, Unscorable) else score
        judged = int(np.isfinite(values).sum())
        return Measured(values, Counts(len(self.places), judged))

    def _item(self, at: int, evidence: Mapping[str, Any]) -> Item:
        prompt = self.prompts[at]
        return Item(prompt.key, (prompt, evidence), prompt.size)

    def _job(self, model: TunedModel) -> Job:
        return Job(
            self.part,
            "evaluate",
            f"verdict: {self.name}",
            f"measure-{self.part.name}",
            {**self.part.identity, "model": model.answering},
            spread=with_evidence,
            chunk_size=self.part.chunk_size(self.chunk),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what it is, as plain JSON."""
        low, high = self.scale.range
        return {
            "words": self.words,
            "unit": self.scale.unit,
            "better": self.scale.better,
            "range": [low, high],
        }

"""The measures of a verdict: what each needs, whether it can be had, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError, SettingsError
from mods.interfaces import ANSWERS, LOSSES, TokenLosses, Unscorable
from mods.interfaces.trials import REFERENCES, Scale
from mods.selection.necessity import with_evidence
from mods.selection.stage import unseen_media
from mods.verdicts.sets import has_reference
from mods.work.columns import SCORES
from mods.work.store import digest
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
    longer: npt.NDArray[np.float64] | None = None
    """Of pairs: how much longer each answer is than the other; shape (prompts,)."""


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
    selecting: frozenset[str] = frozenset()
    """The models that made the selection, see `models_in`."""

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
    def judging(self) -> Mapping[str, Any]:
        """The identity of what judges."""
        return self.part.identity

    @property
    def independent(self) -> bool:
        """Whether no model that judges made the selection."""
        return not self.selecting & set(models_in(self.judging))

    @property
    def opponent(self) -> str | None:
        """Whose answers the judge holds those of the models against, if it does."""
        return None

    @property
    def words(self) -> str:
        """What it measures, in a few words."""
        return str(getattr(self.part.object, "words", "")) or self.name

    @property
    def lacks(self) -> str:
        """Why prompts may have no number."""
        if self.wants_references:
            return "its prompts have no references"
        return "none of its prompts could be answered and measured"

    @cached_property
    def places(self) -> list[int]:
        """The prompts that can be measured: with a reference where one is needed, all seen."""
        return [at for at, prompt in enumerate(self.prompts) if self.takes(prompt)]

    @property
    def wants_references(self) -> bool:
        """Whether a prompt must have a reference."""
        return REFERENCES in self.needs or LOSSES in self.needs

    def takes(self, prompt: Record) -> bool:
        """Say whether a prompt can be measured."""
        own = getattr(self.part.object, "measures", None)
        if unseen_media(self.generator, prompt):
            return False
        if self.wants_references and not has_reference(prompt):
            return False
        return own is None or bool(self.part.call(own, prompt))

    def check(self) -> None:
        """Look for what would stop it later."""
        self.part.check()

    def measure(self, model: TunedModel, opponent: TunedModel | None, work: Work) -> Measured:
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
        fields = getattr(self.part.object, "fields", ())
        own = {name: prompt.raw[name] for name in fields if name in prompt.raw}
        key = f"{prompt.key}-{digest(own)}" if own else prompt.key
        return Item(key, (prompt, evidence), prompt.size)

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
            "independent": self.independent,
        }


def models_in(identity: Any) -> Iterator[str]:
    """Yield the models that an identity names: every table with a `model`, by its weights."""
    if isinstance(identity, Mapping):
        if "model" in identity:
            weights = {k: identity.get(k) for k in ("model", "sha256", "revision")}
            yield json.dumps(weights, default=str)
        for value in identity.values():
            yield from models_in(value)

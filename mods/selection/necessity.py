"""Stage 3, necessity: which rows does the seed-tuned model answer badly? (MoDS, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.cached import SCORES, TEXTS, Codec, Part, Value, compute_cached
from mods.checks import checked_scores
from mods.errors import PluginError
from mods.interfaces import LanguageModel, Unscorable
from mods.progress import Progress
from mods.settings import Generation, Tuning
from mods.store import digest

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.records import Record


class TunedModel:
    """The given model tuned on the seeds: made when first asked, its answers cached.

    Offers the interface `LanguageModel`.
    """

    def __init__(
        self,
        backend: Part,
        seeds: Sequence[Record],
        *,
        tuning: Tuning,
        generation: Generation,
        seed: int,
        cache: Path,
        progress: Progress,
    ) -> None:
        self._backend, self._seeds, self._seed = backend, seeds, seed
        self._tuning, self._generation = tuning, generation
        self._cache, self._progress = cache, progress
        self._model: LanguageModel | None = None
        self.identity: Mapping[str, Any] = {
            "model": backend.identity,
            "tuning": without(asdict(tuning), "micro_batch"),
            "seeds": [record.id for record in seeds],
            "seed": seed,
        }

    @property
    def answering(self) -> dict[str, Any]:
        """What makes the answers: the tuned model and how it decodes."""
        settings = asdict(self._generation)
        if self._generation.temperature == 0:  # with sampling, batches share their noise
            settings = without(settings, "batch_size")
        return {**self.identity, "generation": settings}

    def model(self) -> LanguageModel:
        """Tune, or load what was tuned before."""
        if self._model is None:
            self._progress.say(f"necessity: tuning the model on {len(self._seeds)} seeds")
            model = self._backend.call(
                self._backend.object.tune,
                self._seeds,
                tuning=self._tuning,
                generation=self._generation,
                folder=self._cache / "tuned" / digest(self.identity),
                seed=self._seed,
            )
            if not isinstance(model, LanguageModel):
                raise PluginError(
                    f"{self._backend}: tune() returned {type(model).__name__}; expected an object "
                    "with generate(records) and losses(records)"
                )
            self._model = model
            self._progress.unpause()  # the bar of the rows to come does not count the tuning
        return self._model

    def generate(self, records: Sequence[Record]) -> list[str]:
        """Answer each record's context."""
        return self._cached(records, "responses", self.answering, TEXTS, self._generate)

    def losses(self, records: Sequence[Record]) -> npt.NDArray[np.float64]:
        """Return the mean token loss of each record's own response."""
        losses = self._cached(records, "losses", self.identity, SCORES, self._losses)
        return np.array(losses, dtype=np.float64)

    def _generate(self, chunk: Sequence[Record]) -> list[str]:
        answers = self._backend.call(self.model().generate, chunk)
        if len(answers) != len(chunk) or not all(isinstance(text, str) for text in answers):
            raise PluginError(f"{self._backend}: generate() must return one text per record")
        return answers

    def _losses(self, chunk: Sequence[Record]) -> list[float | Unscorable]:
        values = self._backend.call(self.model().losses, chunk)
        return checked_scores(values, len(chunk), f"{self._backend}, losses()")

    def _cached(
        self,
        records: Sequence[Record],
        name: str,
        identity: Mapping[str, Any],
        codec: Codec[Value],
        compute: Callable[[Sequence[Record]], list[Value]],
    ) -> list[Value]:
        return compute_cached(
            records,
            compute,
            codec=codec,
            cache=self._cache,
            name=name,
            identity=identity,
            chunk_size=self._generation.batch_size,
            progress=Progress(quiet=True),  # the stage's own bar counts these rows
            label=name,
        )


def without(settings: dict[str, Any], memory: str) -> dict[str, Any]:
    """Leave out a setting that is a matter of memory, not of results."""
    return {name: value for name, value in settings.items() if name != memory}


def judge_records(
    records: Sequence[Record],
    part: Part,
    model: TunedModel,
    *,
    chunk_size: int,
    cache: Path,
    progress: Progress,
) -> list[float | Unscorable]:
    """Return how well the tuned model does on each record; higher is better answered."""
    return compute_cached(
        records,
        lambda chunk: checked_scores(
            part.call(part.object.judge, chunk, model), len(chunk), str(part)
        ),
        codec=SCORES,
        cache=cache,
        name=f"necessity-{part.plugin.name}",
        identity={**part.identity, "tuned": model.answering},
        chunk_size=part.chunk_size(chunk_size),
        progress=progress,
        label=f"necessity: {part.plugin.name}",
    )

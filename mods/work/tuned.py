"""The given model, as it is or tuned on some rows: its answers and losses are cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mods.interfaces import ANSWERS, LOSSES, Unscorable, Weights
from mods.work import columns
from mods.work.weights import noticed_of, train
from mods.work.work import Item, Job, Results, Work, items

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record
    from mods.settings.options import Generation

LOSSES_AN_ANSWER = 4
"""Losses that are asked for at once, for each answer: they take far less time, and of more rows
more are of similar length."""


class TunedModel:
    """The given model tuned on some rows, when first needed; without rows or trainer, as it is."""

    def __init__(
        self,
        trainer: Part | None,
        generator: Part,
        rows: Sequence[Record] | None,
        generation: Generation,
        work: Work,
        *,
        label: str,
        purpose: str,
    ) -> None:
        """`label` begins what progress and costs call the work; `purpose` is what the rows are."""
        self._trainer, self._generator = trainer, generator
        self._generation, self._work = generation, work
        self.rows = None if trainer is None else rows
        self._label, self._purpose = label, purpose

    @cached_property
    def identity(self) -> dict[str, Any] | None:
        """What makes the weights: the trainer with its settings, and the rows in order."""
        if self.rows is None or self._trainer is None:
            return None
        return {"trainer": self._trainer.identity, "rows": [record.id for record in self.rows]}

    @cached_property
    def answering(self) -> dict[str, Any]:
        """What makes the answers: the weights, who answers with them, and how it decodes."""
        settings = asdict(self._generation)
        if self._generation.temperature == 0:  # with sampling, batches share their noise
            del settings["batch_size"]
        return {**self._reading, "generation": settings}

    @property
    def _reading(self) -> dict[str, Any]:
        return {"weights": self.identity, "generator": self._generator.identity}

    @cached_property
    def weights(self) -> Weights | None:
        """The weights: tuned now, or found where an earlier run left them."""
        if self.rows is None or self.identity is None or self._trainer is None:
            return None
        self._work.progress.say(
            f"{self._label}: tuning the model on {len(self.rows)} {self._purpose}"
        )
        return train(self._trainer, self.rows, self.identity, self._work, f"{self._label}: tuning")

    def noticed(self) -> tuple[list[str], list[int]]:
        """Return what was noticed in tuning; see `mods.work.weights.noticed_of`."""
        if self.rows is None or self.identity is None:
            return [], []
        return noticed_of(self.identity, self.rows, self._work)

    def answers(self, records: Sequence[Record]) -> Results[str | Unscorable]:
        """Return the model's answer to each record's conversation."""
        return self._work.rows(*self.asking(ANSWERS, records))

    def losses(self, records: Sequence[Record]) -> Results[float | Unscorable]:
        """Return the mean token loss of each record's own reply."""
        return self._work.rows(*self.asking(LOSSES, records))

    def asking(
        self, need: str, records: Sequence[Record]
    ) -> tuple[Job, columns.Column[Any], list[Item]]:
        """Return what asks the model for evidence on records: its answers, or its losses."""
        batch = self._generation.batch_size
        if need == ANSWERS:
            asked = items([record.conversation for record in records])
            return self._job(need, "responses", self.answering, batch), columns.ANSWERS, asked
        return (
            self._job(need, "losses", self._reading, LOSSES_AN_ANSWER * batch),
            columns.SCORES,
            items(records),
        )

    def _job(self, method: str, name: str, identity: dict[str, Any], chunk: int) -> Job:
        return Job(
            self._generator,
            method,
            f"{self._label}: {method}",
            name,
            identity,
            arguments=lambda: (self.weights,),
            chunk_size=self._generator.chunk_size(chunk),
        )

"""What every stage of a run is given."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mods.errors import ModsError, SettingsError
from mods.interfaces import (
    ANSWERS,
    EMBEDDINGS,
    KINDS,
    QUALITY,
    TOKENS,
    USUAL_NEEDS,
    TokenCounter,
    Unscorable,
    WholeTokenCounter,
)
from mods.interfaces.kinds import methods_of
from mods.settings.choice import Choice

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.plugins.part import Part
    from mods.plugins.registry import Registry
    from mods.records import Record
    from mods.selection.receipts import Receipts, Stage
    from mods.settings.run import RunSettings
    from mods.work.work import Work

Value = TypeVar("Value")

MEDIA = "media"
"""What a plug-in may say it reads."""


@dataclass
class Given:
    """One run under way."""

    settings: RunSettings
    parts: Mapping[str, Part]
    """The plug-ins of the run, by kind; see `choose_parts`."""
    work: Work
    receipts: Receipts
    thresholds: dict[str, Any] = field(default_factory=dict)
    """By setting: the threshold as it was asked for, and the score it came to."""
    seconds: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """What the tuned model answered, by the id of the record."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage."""
        start = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - start, 3)

    def without_unscorable(
        self, records: Sequence[Record], results: Sequence[Value | Unscorable], stage: Stage
    ) -> tuple[list[int], list[Value]]:
        """Quarantine the rows that have no result; returns the places and results of the others."""
        places, values = [], []
        for at, (record, result) in enumerate(zip(records, results, strict=True)):
            if isinstance(result, Unscorable):
                self.receipts.quarantine(record, stage, result.reason)
            else:
                places.append(at)
                values.append(result)
        return places, values

    def heard(self, part: Part, step: str, records: Sequence[Record], cut: Sequence[int]) -> None:
        """Note and mark the rows that a part could not read whole."""
        rows = self.receipts.cut((records[at] for at in cut), step)
        if rows:
            why = f"are longer than {part.name} reads and were cut"
            if step == ANSWERS:  # a generator may also mark an answer that it had to end
                why = f"were cut: the prompt, or the answer, is longer than {part.name} takes"
            self.work.progress.note(f"{step}: {rows:,} of {len(records):,} rows {why}")

    def fit_for(self, part: Part, records: Sequence[Record], stage: Stage) -> list[int]:
        """Return the places of the records that a part can see whole, as far as it says.

        Rows with media are set aside where the part does not read them, unless they are to be
        judged by their text; of tools and reasoning that it does not read a note says so.
        """
        self._tell_unread(part, records, reads_of(part))
        fit, by_text = [], 0
        for at, record in enumerate(records):
            unseen = unseen_media(part, record)
            if unseen and self.settings.media == "refuse":
                self.receipts.quarantine(record, stage, unseen)
                continue
            by_text += bool(unseen)
            fit.append(at)
        if by_text:
            self.work.progress.note(f"{part.name}: {by_text:,} rows with media by their text alone")
        return fit

    def _tell_unread(self, part: Part, records: Sequence[Record], reads: Sequence[str]) -> None:
        found = {
            "tools": sum(bool(r.conversation.tools) for r in records),
            "reasoning": sum(any(turn.reasoning for turn in r.messages) for r in records),
        }
        unread = [f"{name} (in {n:,} rows)" for name, n in found.items() if n and name not in reads]
        if unread:
            self.work.progress.note(f"{part.name} does not read {' and '.join(unread)}")

    def passing(
        self, setting: str, scores: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.bool_], float]:
        """Hold scores against `alpha` or `beta`; returns which pass, and the cut as a score."""
        threshold = getattr(self.settings, setting)
        passing, cut = threshold.passing(scores)
        self.thresholds[setting] = {"asked": str(threshold), "score": cut}
        return passing, cut


def reads_of(part: Part) -> Sequence[str]:
    """Return what a plug-in says it reads besides texts and tool calls."""
    reads: Sequence[str] = getattr(part.object, "reads", ())
    return reads


def unseen_media(part: Part, record: Record) -> str:
    """Say why a plug-in cannot see a record whole; nothing where it can, as far as it says."""
    media = record.conversation.media + record.reply.media
    if not media or MEDIA in reads_of(part):
        return ""
    kinds = ", ".join(sorted({medium.kind for medium in media}))
    return f"holds media ({kinds}), which {part.name} does not see; `media`=text takes the text"


def choose_parts(registry: Registry, settings: RunSettings) -> dict[str, Part]:
    """Choose the plug-ins of a run, make and check each, so that a mistake costs no stage.

    By kind; further scorers that the selector needs are under `needed(scorer)`.
    """
    from mods.plugins.part import Part

    parts = {
        kind: Part.choose(registry, kind, choice, settings.context(kind))
        for kind, choice in settings.parts.items()
        if settings.tunes or kind not in MODEL_STAGE or (settings.in_tokens and kind == "trainer")
    }
    check_model_options(parts, settings)
    counts = settings.in_tokens or TOKENS in parts["selector"].needs(USUAL_NEEDS)
    if settings.tunes and not counts and not takes_weights(parts["generator"]):
        del parts["trainer"]  # it has nothing to do
    parts.update(choose_needed(registry, settings, parts))
    for part in parts.values():
        part.check()
    return parts


def choose_needed(
    registry: Registry, settings: RunSettings, parts: Mapping[str, Part]
) -> dict[str, Part]:
    """Choose the further scorers that the selector needs; refuses needs that cannot be met."""
    from mods.plugins.part import Part

    selector, context = parts["selector"], settings.context("quality")
    needs = selector.needs(USUAL_NEEDS)
    check_counting(needs, settings, parts)
    try:
        return {
            needed(scorer): Part.choose(registry, "quality", Choice.parse(scorer), context)
            for scorer in further_scorers(needs)
        }
    except ModsError as error:
        raise error.within(f"{selector} needs a scorer") from error


def check_counting(needs: Sequence[str], settings: RunSettings, parts: Mapping[str, Part]) -> None:
    """Refuse a run that needs token counts without a trainer that counts."""
    trainer = parts.get("trainer")
    if TOKENS in needs and trainer is None:
        raise SettingsError(
            f"{parts['selector']} needs token counts: choose a `trainer` that counts them, and a "
            "`budget` above the `seeds`"
        )
    if trainer is None or not (TOKENS in needs or settings.in_tokens):
        return
    wanted = WholeTokenCounter if settings.count == "all" else TokenCounter
    if not isinstance(trainer.object, wanted):
        needing = "`seeds` and `budget`" if settings.in_tokens else str(parts["selector"])
        raise SettingsError(
            f"{trainer} has no {methods_of(wanted)[0]}, and {needing} need token counts: choose "
            "another `trainer`, another `count`, or give the amounts in rows"
        )


def needed(scorer: str) -> str:
    """What a further scorer is called among the parts."""
    return f"selector needs {scorer}"


def further_scorers(needs: Sequence[str]) -> list[str]:
    """The needs that are quality scorers other than that of the run."""
    return [need for need in needs if need not in (EMBEDDINGS, QUALITY, TOKENS)]


MODEL_STAGE = ("necessity", "trainer", "generator")
"""Kinds that only a run with a tuned model needs."""


def takes_weights(generator: Part) -> bool:
    """Say whether a generator answers with the weights of a trainer, as it does if it says not."""
    return bool(getattr(generator.object, "takes_weights", True))


def check_model_options(parts: Mapping[str, Part], settings: RunSettings) -> None:
    """Refuse an option of the model that neither trainer nor generator takes."""
    users = [parts[k.name] for k in KINDS if "model" in k.context and k.name in parts]
    if settings.model is None or not users:
        return
    known = {name for part in users for name in part.plugin.parameters}
    for option in settings.model.options:
        if option not in known:
            neither = " nor ".join(map(str, users))
            raise SettingsError(f"`model` has no option {option!r}: neither {neither} takes it")


def score_name(kind: str, name: str) -> str:
    """The column of a score: `quality_reward_model`, `necessity_loss`."""
    return re.sub(r"[^\w]+", "_", f"{kind}_{name}")

"""The rules of trainers and generators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.files import file_digest
from mods.interfaces import Unscorable
from mods.testing.rows import check_rowwise, read_scores
from mods.testing.rules import (
    TOLERANCE,
    check_identity,
    name_of,
    require,
    require_methods,
    same_input,
)
from mods.testing.samples import sample_records

if TYPE_CHECKING:
    from mods.interfaces import Generator, Trainer, Weights
    from mods.records import Record
    from mods.testing.rules import Results

TRAINED_ROWS = 4
"""Rows that a trainer is tried on: tuning is slow."""


def check_trainer(trainer: Trainer) -> None:
    """Check a trainer, and its token counts where it offers them; tunes on a few records."""
    require_methods(trainer, "a trainer", "identity", "train")
    check_identity(trainer)
    name = name_of(trainer)
    with TemporaryDirectory() as place:
        folder = Path(place) / "tuning"
        folder.mkdir()
        path = _train(trainer, folder, name)
        before = _files(path)
        require(_train(trainer, folder, name) == path, name, "a finished tuning returns its path")
        untouched = _files(path) == before
        require(untouched, name, "a finished tuning must leave its files as they are")
    check_identity(trainer)
    count = getattr(trainer, "count_tokens", None)
    if count is not None:
        check_rowwise(count, sample_records(), name, _read_counts)


def _train(trainer: Trainer, folder: Path, name: str) -> Path:
    """Tune once and check what comes back."""
    records = sample_records()[:TRAINED_ROWS]
    given, before = list(records), copy.deepcopy(records)
    path = trainer.train(given, folder)
    require(isinstance(path, Path), name, "`train` must return a `Path`")
    there = path.exists() and path.resolve().is_relative_to(folder.resolve())
    require(there, name, "`train` must return a path that exists, in the folder it is given")
    require(same_input(given, before), name, "the records must be left as they were")
    return path


def _files(path: Path) -> dict[str, tuple[int, str]]:
    """Return when each file was written, and its digest."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return {str(f): (f.stat().st_mtime_ns, file_digest(f)) for f in files if f.is_file()}


def _read_counts(result: Any, count: int, name: str) -> Results:
    """Read token counts."""
    fits = isinstance(result, (Sequence, np.ndarray)) and len(result) == count
    require(fits, name, "`count_tokens` must return one count per record")
    whole = all(isinstance(n, (int, np.integer)) and n >= 0 for n in result)
    require(whole, name, "token counts are whole numbers, 0 or more")
    return np.array([int(n) for n in result], dtype=np.int64)


def check_generator(generator: Generator, weights: Weights | None = None) -> None:
    """Check a generator, and its losses where it offers them.

    `weights` are those of a trainer; without them the given model answers as it is. Make the
    generator with temperature 0: an answer must not change with the order or the batch.
    """
    require_methods(generator, "a generator", "identity", "answers")
    check_identity(generator)
    name = name_of(generator)
    records = sample_records()

    def answers(some: Sequence[Any]) -> Any:
        return generator.answers(some, weights)

    check_rowwise(answers, [record.conversation for record in records], name, _read_answers)
    losses = getattr(generator, "losses", None)
    if losses is not None:
        _check_losses(lambda some: losses(some, weights), records, name)


def _read_answers(result: Any, count: int, name: str) -> Results:
    """Read answers as an array of objects; one that is declared unscorable stays what it is."""
    fits = isinstance(result, (list, tuple)) and len(result) == count
    require(fits, name, "`answers` must return a list with one answer per conversation")
    for answer in result:
        kind = isinstance(answer, (str, Unscorable))
        require(kind, name, f"an answer is a text or `Unscorable`, not {type(answer).__name__}")
        reason = answer.reason if isinstance(answer, Unscorable) else "none"
        require(bool(reason), name, "`Unscorable` must say the reason")
    some = count == 1 or any(isinstance(answer, str) for answer in result)
    require(some, name, "at least one sample conversation must get an answer")
    answers = np.empty(count, dtype=object)
    answers[:] = result
    return answers


def _check_losses(call: Any, records: list[Record], name: str) -> None:
    def read(result: Any, count: int, name: str) -> Results:
        losses = read_scores(result, count, name)
        above = bool((np.isnan(losses) | (losses >= -TOLERANCE)).all())
        require(above, name, "a mean token loss is 0 nats or more")
        return losses

    check_rowwise(call, records, name, read)

"""Every rule of generators and trainers, broken on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mods import PluginError, Record, Unscorable, Weights
from mods.testing import check_generator, check_trainer

counter = itertools.count()


def lengths(records: Sequence[Any]) -> Any:
    return np.array([float(len(getattr(record, "response", record))) for record in records])


class Generator:
    """A generator whose methods are given."""

    def __init__(self, answers: Any, losses: Any = None) -> None:
        self.call = answers
        if losses:
            self.losses = lambda records, weights: losses(records)

    def identity(self) -> dict[str, str]:
        return {"model": "toy"}

    def answers(self, conversations: Any, weights: Weights | None) -> Any:
        return self.call(conversations)


def echo(conversations: Any) -> list[str]:
    return [conversation.prompt.upper() for conversation in conversations]


def unless_long(conversations: Any) -> list[str | Unscorable]:
    return [c.prompt if c.size < 200 else Unscorable("too long") for c in conversations]


def turn_round(conversations: Any) -> list[str]:
    conversations.reverse()
    return echo(conversations)


def test_good_generators_pass() -> None:
    check_generator(Generator(echo))
    check_generator(Generator(unless_long, lengths), Weights(Path("w"), {}))


@pytest.mark.parametrize(
    ("answers", "losses", "rule"),
    [
        (lambda some: echo(some)[1:], None, "one answer per conversation"),
        (lambda some: "".join(echo(some)), None, "must return a list"),
        (lambda some: [None] * len(some), None, "a text or `Unscorable`, not NoneType"),
        (lambda some: [Unscorable("")] * len(some), None, "must say the reason"),
        (lambda some: [Unscorable("no")] * len(some), None, "at least one sample conversation"),
        (lambda some: [f"{next(counter)}" for _ in some], None, "two calls"),
        (lambda some: sorted(echo(some)), None, "permuted"),
        (lambda some: [f"{len(some)}"] * len(some), None, "other rows of its batch"),
        (turn_round, None, "left as it was"),
        (echo, lambda records: lengths(records)[1:], "23 scores for 24 records"),
        (echo, lambda records: lengths(records) - 50, "0 nats or more"),
        (echo, lambda records: lengths(records) / len(records), "other rows of its batch"),
    ],
)
def test_rules_of_generators(answers: Any, losses: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=f"Generator.*{rule}"):
        check_generator(Generator(answers, losses))


class Trainer:
    """A trainer whose method is given."""

    def __init__(self, train: Any) -> None:
        self.train = train

    def identity(self) -> dict[str, int]:
        return {"seed": 1}


class Counter(Trainer):
    def __init__(self, count_tokens: Any) -> None:
        super().__init__(write_weights)
        self.count_tokens = count_tokens


def write_weights(records: Sequence[Record], folder: Path) -> Path:
    """Write once; a finished tuning returns what is there."""
    weights = folder / "weights"
    if not weights.exists():
        weights.mkdir()
        (weights / "adapter.bin").write_text("".join(record.id for record in records))
    return weights


def write_again(records: Sequence[Record], folder: Path) -> Path:
    weights = write_weights(records, folder)
    (weights / "adapter.bin").write_text(f"{next(counter)}")
    return weights


def elsewhere(records: Sequence[Record], folder: Path) -> Path:
    write_weights(records, folder)
    return folder.parent


def new_place(records: Sequence[Record], folder: Path) -> Path:
    place = folder / f"{next(counter)}"
    place.mkdir()
    return place


def take_records(records: Any, folder: Path) -> Path:
    records.clear()
    return write_weights(records, folder)


def test_good_trainers_pass() -> None:
    check_trainer(Trainer(write_weights))
    check_trainer(Counter(lambda records: [len(record.response) for record in records]))


@pytest.mark.parametrize(
    ("trainer", "rule"),
    [
        (Trainer(lambda records, folder: str(folder)), "must return a `Path`"),
        (Trainer(lambda records, folder: folder / "gone"), "a path that exists"),
        (Trainer(elsewhere), "in the folder it is given"),
        (Trainer(new_place), "returns its path"),
        (Trainer(write_again), "leave its files as they are"),
        (Trainer(take_records), "records must be left"),
        (Counter(lambda records: [1]), "one count per record"),
        (Counter(lambda records: [-1] * len(records)), "0 or more"),
        (Counter(lambda records: [1.5] * len(records)), "whole numbers"),
        (Counter(lambda records: [len(records)] * len(records)), "other rows of its batch"),
    ],
)
def test_rules_of_trainers(trainer: Any, rule: str) -> None:
    with pytest.raises(PluginError, match=f"(Trainer|Counter) breaks a rule: .*{rule}"):
        check_trainer(trainer)

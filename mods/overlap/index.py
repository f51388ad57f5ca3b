"""An index of the n-grams of prompts, and what rows share with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from mods.overlap.words import words

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.data.prompts import Prompt
    from mods.records import Message, Record

    Numbers = npt.NDArray[np.int64]

SHORT, LONG = 8, 13
"""Words of an n-gram."""
WITHIN = LONG - SHORT + 1
"""8-grams in a 13-gram."""
DOUBLINGS = (1, 2, 4)
"""Words are joined to pairs, pairs to fours, fours to eights."""
TEMPLATE = 20
"""8-grams that stand in more different prompts than this are the template of a set."""
SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio: multiplying by it spreads numbers over all bits."""
SMALLEST, SPARSE = 10, 4
"""Bits of a table of cells: at least so many, and so many more than its pairs need."""
BREAK = "\n"
"""Stands between turns, where no n-gram goes across; it is no word."""


@dataclass
class Text:
    """The words of a prompt, and the prompts that consist of just these."""

    words: Sequence[str]
    """Those of all turns but the system's, with a `BREAK` between turns."""
    prompts: list[Prompt] = field(default_factory=list)
    eights: int = 0
    """8-grams that are looked for."""
    thirteens: int = 0
    """13-grams that are looked for."""


@dataclass
class Shared:
    """What a row and a prompt have in common."""

    text: int
    """Place of the prompt's text in the index."""
    eights: set[int] = field(default_factory=set)
    """Places among its words where an 8-gram begins that stands in the row."""
    thirteens: set[int] = field(default_factory=set)
    """The same of 13-grams."""
    asked: bool = False
    """Whether the row asks just this, or opens with it."""


class Pairs:
    """The pairs of numbers that follow each other in prompts; each has a number, from 1."""

    def __init__(self, pairs: Numbers) -> None:
        self._known = np.unique(pairs[pairs > 0])
        self._bits = max(SMALLEST, len(self._known).bit_length() + SPARSE)
        self._seen = np.zeros(1 << self._bits, np.bool_)
        """Most pairs of rows are told by this to be none of them, which is much faster."""
        self._seen[self._cell(self._known)] = True

    def named(self, pairs: Numbers) -> Numbers:
        """Return the number of each pair; 0 where it is none of them."""
        names = np.zeros_like(pairs)
        at = np.flatnonzero(self._seen[self._cell(pairs)])
        asked = pairs[at]
        place = np.searchsorted(self._known, asked)
        place[place == len(self._known)] = 0
        names[at] = np.where(self._known[place] == asked, place + 1, 0)
        return names

    def _cell(self, pairs: Numbers) -> npt.NDArray[np.uint64]:
        cell: npt.NDArray[np.uint64] = pairs.view(np.uint64) * SPREAD
        cell >>= np.uint64(64 - self._bits)
        return cell


class PromptIndex:
    """The n-grams of prompts, and where they stand.

    Words get numbers, from 1; what is no word of a prompt is 0. Two numbers that follow each other
    in a prompt get a number as a pair, two pairs as a four, two fours as an eight. So the 8-grams
    of many rows are looked up at a time, and exactly: there is no hash that could collide.
    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        texts: dict[tuple[str, ...], Text] = {}
        for prompt in prompts:
            key = asked(prompt.conversation.turns)
            if key:
                texts.setdefault(key, Text(key)).prompts.append(prompt)
        self.texts = list(texts.values())
        self._whole = {key: at for at, key in enumerate(texts)}
        self._lengths = {len(key) for key in texts}
        every = dict.fromkeys(word for key in texts for word in key if word != BREAK)
        self._numbers = {word: number for number, word in enumerate(every, 1)}
        self._pairs: list[Pairs] = []
        names, starts = self._flat(texts)
        for step in DOUBLINGS:
            pairs = paired(names, step)
            self._pairs.append(Pairs(pairs))
            names = self._pairs[-1].named(pairs)
        self._where: dict[int, list[tuple[int, int]]] = defaultdict(list)
        """By number of an 8-gram: the texts it stands in, and where."""
        for name, text, at in located(names, starts):
            self._where[name].append((text, at))
        looked_for: dict[int, set[int]] = defaultdict(set)
        for name, places in self._where.items():
            if len({text for text, _ in places}) > TEMPLATE:
                self._where[name] = []
            for text, at in self._where[name]:
                looked_for[text].add(at)
        for text, found in looked_for.items():
            self.texts[text].eights = len(found)
            self.texts[text].thirteens = len(thirteens(found))

    def _flat(self, texts: Iterable[Sequence[str]]) -> tuple[Numbers, Numbers]:
        """Return the numbers of all words, a 0 after each text, and where each text starts."""
        every: list[str] = []
        starts: list[int] = []
        for text in texts:
            starts.append(len(every))
            every += text
            every.append(BREAK)
        numbers = np.fromiter(map(self._numbers.get, every, repeat(0)), np.int64, len(every))
        return numbers, np.array(starts, np.int64)

    def look(self, records: Sequence[Record]) -> Iterator[tuple[int, list[Shared]]]:
        """Yield the place of each record that shares 8-grams, or a whole prompt, and what."""
        found: dict[tuple[int, int], Shared] = {}
        texts: list[list[str]] = []
        for row, record in enumerate(records):
            turns = [words(turn.content) for turn in record.messages]
            for text in self._asked(record, turns):
                found.setdefault((row, text), Shared(text)).asked = True
            texts.append(joined(turns))
        names, starts = self._flat(texts)
        for step, known in zip(DOUBLINGS, self._pairs, strict=True):
            names = known.named(paired(names, step))
        runs: dict[tuple[int, int, int], set[int]] = defaultdict(set)
        for name, row, at in located(names, starts):
            for text, place in self._where[name]:
                found.setdefault((row, text), Shared(text)).eights.add(place)
                runs[row, text, place - at].add(place)
        for (row, text, _), places in runs.items():
            found[row, text].thirteens |= thirteens(places)
        by_row: dict[int, list[Shared]] = defaultdict(list)
        for (row, _), shared in sorted(found.items()):
            by_row[row].append(shared)
        yield from sorted(by_row.items())

    def _asked(self, record: Record, turns: Sequence[list[str]]) -> set[int]:
        """Return the texts that a record asks, or opens with."""
        said = [w for w, turn in zip(turns, record.context, strict=False) if turn.role != "system"]
        if not said:
            return set()
        keys = [said[0]] if len(said) == 1 else [said[0], joined(said)]
        known = (self._whole.get(tuple(key)) for key in keys if len(key) in self._lengths)
        return {text for text in known if text is not None}


def asked(turns: Sequence[Message]) -> tuple[str, ...]:
    """Return the words of what is asked: of all turns but the system's."""
    return tuple(joined([words(turn.content) for turn in turns if turn.role != "system"]))


def joined(turns: Sequence[list[str]]) -> list[str]:
    """Return the words of turns with a `BREAK` between them."""
    flat: list[str] = []
    for turn in turns:
        if flat:
            flat.append(BREAK)
        flat += turn
    return flat


def paired(names: Numbers, step: int) -> Numbers:
    """Return one number for each pair of numbers that are `step` apart; 0 where either is 0."""
    left, right = names[:-step], names[step:]
    pairs = left << 32 | right
    pairs[(left == 0) | (right == 0)] = 0
    return pairs


def located(names: Numbers, starts: Numbers) -> Iterator[tuple[int, int, int]]:
    """Yield each n-gram that is known, the text it stands in, and where in it."""
    at = np.flatnonzero(names)
    text = np.searchsorted(starts, at, side="right") - 1
    yield from zip(names[at].tolist(), text.tolist(), (at - starts[text]).tolist(), strict=True)


def thirteens(eights: set[int]) -> set[int]:
    """Return where the 13-grams begin that are made of 8-grams beginning at these places."""
    return {at for at in eights if all(at + i in eights for i in range(1, WITHIN))}

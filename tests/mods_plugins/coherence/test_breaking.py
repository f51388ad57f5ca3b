from __future__ import annotations

import random
from collections import Counter

import pytest

from mods import Record
from mods.testing import sample_records
from mods_plugins.coherence.breaking import break_responses, sample, shuffle, truncate
from mods_plugins.text import sentences


def test_what_is_broken_depends_on_the_set_of_records_alone() -> None:
    records = sample_records()
    broken = break_responses(records, times=4)
    turned = break_responses(records[::-1], times=4)
    last = len(records) - 1
    made = {(item.row, item.kind, item.record.id) for item in broken}
    assert {(last - item.row, item.kind, item.record.id) for item in turned} == made
    kinds = Counter(item.kind for item in broken)
    assert kinds["swapped"] > kinds["truncated"] > 0 < kinds["shuffled"]
    for item in broken:
        assert item.record.conversation == records[item.row].conversation
        assert item.record.response != records[item.row].response


def test_a_swapped_answer_is_that_of_another_prompt() -> None:
    records = [Record.from_instruction("same", f"answer {i}") for i in range(5)]
    assert {item.kind for item in break_responses(records)} == set()
    records += [Record.from_instruction("other", "far away")]
    swapped = {item.record.response for item in break_responses(records, ("swapped",))}
    assert swapped <= {"far away", *(f"answer {i}" for i in range(5))}
    assert len(break_responses(records, ("swapped",))) == 6


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_text_is_a_beginning_that_ends_between_words(seed: int) -> None:
    text = "The keeper climbs the tower every night and lights the lamp."
    cut = truncate(text, random.Random(seed))
    assert cut is not None
    assert text.startswith(cut)
    assert text[len(cut)] == " "
    assert len(cut) <= 0.6 * len(text)
    assert truncate("three words only", random.Random(seed)) is None


def test_shuffled_sentences_are_the_same_in_another_order() -> None:
    text = "One. Two. Three. Four."
    for seed in range(20):
        mixed = shuffle(text, random.Random(seed))
        assert mixed is not None
        assert mixed != text
        assert sorted(map(str.strip, sentences(mixed))) == sorted(text.split())
    assert shuffle("Only one sentence.", random.Random(0)) is None


def test_the_sample_takes_copies_once_and_no_empty_answers() -> None:
    records = [*sample_records(), *sample_records()]
    rows = sample(records, 1000)
    assert len(rows) == 23
    assert max(rows) < 24
    assert sample(records, 5) == rows[:5]
    chosen = {records[row].id for row in rows[:5]}
    assert {records[::-1][row].id for row in sample(records[::-1], 5)} == chosen

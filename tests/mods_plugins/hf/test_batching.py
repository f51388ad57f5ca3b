import logging
import threading

import numpy as np
import pytest
import torch

from mods import SettingsError
from mods.progress import noticing
from mods_plugins.hf import batching
from mods_plugins.hf.batching import (
    CPU_TOKENS,
    PADDING,
    TokenBatches,
    ahead,
    computed_ahead,
    is_out_of_memory,
    stacked,
)

CPU = torch.device("cpu")


def batches_of(lengths, tokens=None):
    """Return the lengths in each batch."""
    seen = []

    def work(batch):
        seen.append(list(batch))
        return batch

    assert TokenBatches(tokens, CPU).run(lengths, work, length=int) == list(lengths)
    return seen


def test_batches_are_of_similar_length_longest_first_and_results_in_order():
    words = ["a", "four", "to", "be", "three"]
    seen = []

    def work(batch):
        seen.append(list(batch))
        return [word.upper() for word in batch]

    batches = TokenBatches(8, CPU)
    assert batches.run(words, work, length=len) == [word.upper() for word in words]
    assert seen == [["three"], ["four"], ["to", "be"], ["a"]]
    assert batches.run([], work, length=len) == []


def test_at_most_a_twentieth_of_what_is_computed_is_padding():
    lengths = np.random.default_rng(0).lognormal(4.5, 1, 2000).astype(int).clip(1, 1024)
    found = batches_of(lengths.tolist())
    computed = [max(batch) * len(batch) for batch in found]
    assert sum(computed) * (1 - PADDING) <= lengths.sum()
    assert max(computed) <= CPU_TOKENS
    assert len(found) < 250  # 133 full ones would do


def test_a_row_longer_than_a_batch_goes_alone():
    assert batches_of([9, 30, 8, 9], tokens=20) == [[30], [9, 9], [8]]


def test_the_batch_halves_until_there_is_room_and_stays_so():
    sizes = []

    def work(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return batch

    batches = TokenBatches(8, CPU)
    with pytest.warns(UserWarning, match="batches of [24] tokens from here"):
        assert batches.run(range(9), work, length=lambda _: 1) == list(range(9))
    assert sizes == [8, 4, 2, 2, 2, 2, 1]
    assert batches.run(range(3), work, length=lambda _: 1) == [0, 1, 2]
    assert sizes[7:] == [2, 1]


@pytest.mark.parametrize("error", [RuntimeError("another"), MemoryError()])
def test_other_errors_and_a_single_item_without_room_pass_through(error):
    def work(batch):
        raise error

    with pytest.raises(type(error)):
        TokenBatches(4, CPU).run([1], work, length=lambda _: 1)
    assert is_out_of_memory(error) == isinstance(error, MemoryError)


def test_a_result_too_few_is_a_bug_and_no_tokens_a_mistake():
    with pytest.raises(ValueError, match="1 results for a batch of 2"):
        TokenBatches(4, CPU).run([1, 2], lambda batch: batch[:1], length=lambda _: 1)
    with pytest.raises(SettingsError, match="`batch_tokens` must be at least 1, not 0"):
        TokenBatches(0, CPU)


def test_the_next_items_are_made_ready_while_those_before_are_computed(monkeypatch):
    monkeypatch.setattr(batching, "FIRST", 1)
    monkeypatch.setattr(batching, "PREPARED", 2)
    ready = threading.Event()

    def prepare(words):
        if "a" in words:
            ready.set()
        return [word.upper() for word in words]

    coming = ahead(prepare, ["a", "four", "three"], len)
    assert next(coming) == ([2], ["THREE"])
    assert ready.wait(10)  # nobody has asked for them yet
    assert next(coming) == ([1, 0], ["FOUR", "A"])
    assert [*coming] == [*ahead(prepare, [], len)] == []


def test_an_interrupted_call_keeps_what_was_computed_and_what_was_noticed(monkeypatch):
    monkeypatch.setattr(batching, "FIRST", 2)

    def prepare(words):
        logging.getLogger(__name__).warning("made ready: %s", words)
        return words

    def compute(places, words):
        if "a" in words:
            raise KeyboardInterrupt
        return [f"{at} {word}" for at, word in zip(places, words, strict=True)]

    with noticing() as noticed, pytest.raises(KeyboardInterrupt):
        computed_ahead(prepare, compute, ["a", "four", "three"], len)
    assert noticed.early == {2: "2 three", 1: "1 four"}
    assert noticed.notes == ["made ready: ['three', 'four']", "made ready: ['a']"]
    assert computed_ahead(prepare, compute, ["to", "four"], len) == ["0 to", "1 four"]


def test_what_fails_in_making_ready_passes_through():
    with pytest.raises(ZeroDivisionError):
        [*ahead(lambda numbers: [1 // n for n in numbers], [1, 0], int)]


def test_vectors_are_stacked_and_none_are_an_empty_array():
    assert stacked([np.ones(3, np.float32)] * 2).shape == (2, 3)
    assert stacked([]).shape == (0, 0)
    assert stacked([]).dtype == np.float32

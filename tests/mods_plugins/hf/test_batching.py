import numpy as np
import pytest

from mods_plugins.hf.batching import is_out_of_memory, run_batched, stacked


def test_batches_are_of_similar_length_longest_first_and_results_in_order():
    seen = []

    def work(batch):
        seen.append(list(batch))
        return [word.upper() for word in batch]

    words = ["a", "four", "to", "be", "three"]
    assert run_batched(words, work, batch_size=2, length=len) == [word.upper() for word in words]
    assert seen == [["three", "four"], ["to", "be"], ["a"]]
    assert run_batched([], work, batch_size=2, length=len) == []


def test_the_batch_halves_until_there_is_room_and_stays_so():
    sizes = []

    def work(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return batch

    with pytest.warns(UserWarning, match="batches of [24] from here"):
        assert run_batched(range(9), work, batch_size=8, length=lambda _: 1) == list(range(9))
    assert sizes == [8, 4, 2, 2, 2, 2, 1]


@pytest.mark.parametrize("error", [RuntimeError("another"), MemoryError()])
def test_other_errors_and_a_single_item_without_room_pass_through(error):
    def work(batch):
        raise error

    with pytest.raises(type(error)):
        run_batched([1], work, batch_size=4, length=lambda _: 1)
    assert is_out_of_memory(error) == isinstance(error, MemoryError)


def test_a_result_too_few_is_a_bug():
    with pytest.raises(ValueError, match="1 results for a batch of 2"):
        run_batched([1, 2], lambda batch: batch[:1], batch_size=4, length=lambda _: 1)


def test_vectors_are_stacked_and_none_are_an_empty_array():
    assert stacked([np.ones(3, np.float32)] * 2).shape == (2, 3)
    assert stacked([]).shape == (0, 0)
    assert stacked([]).dtype == np.float32

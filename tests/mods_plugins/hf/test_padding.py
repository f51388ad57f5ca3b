import torch

from mods_plugins.hf.padding import attention_mask, padded

ROWS = [[5, 6, 7], [8], []]


def test_rows_are_filled_to_the_longest_on_the_side_that_is_asked():
    assert padded(ROWS, 0).tolist() == [[5, 6, 7], [8, 0, 0], [0, 0, 0]]
    assert padded(ROWS, 9, left=True).tolist() == [[5, 6, 7], [9, 9, 8], [9, 9, 9]]
    assert padded([[]], 1).dtype == padded(ROWS, -100).dtype == torch.int64


def test_the_mask_knows_a_token_that_looks_like_padding():
    assert attention_mask([[0, 0], [0]]).tolist() == [[1, 1], [1, 0]]
    assert attention_mask(ROWS, left=True).tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 0]]

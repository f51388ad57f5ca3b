from types import SimpleNamespace

import torch
from transformers import BertConfig, GPT2Config, RobertaConfig, T5Config

from mods_plugins.hf.tokens import NO_LIMIT, Row, model_inputs, position_limit, token_limit

CPU = torch.device("cpu")
ENDLESS = SimpleNamespace(model_max_length=10**30)


def test_inputs_are_padded_on_the_right_and_masked():
    inputs = model_inputs([Row([1, 2]), Row([3])], 7, CPU)
    assert {name: tensor.tolist() for name, tensor in inputs.items()} == {
        "input_ids": [[1, 2], [3, 7]],
        "attention_mask": [[1, 1], [1, 0]],
    }
    assert model_inputs([Row([1, 2]), Row([3])], None, CPU)["input_ids"].tolist() == [
        [1, 2],
        [3, 0],
    ]


def test_segments_are_given_when_every_row_has_them():
    rows = [Row([1, 2], [0, 1]), Row([3], [1])]
    assert model_inputs(rows, 0, CPU)["token_type_ids"].tolist() == [[0, 1], [1, 0]]
    assert "token_type_ids" not in model_inputs([*rows, Row([4])], 0, CPU)


def test_the_limit_is_the_least_of_what_is_wanted_and_what_is_read():
    bert = BertConfig(max_position_embeddings=100)
    assert token_limit(bert, ENDLESS, 2048) == 100
    assert token_limit(bert, ENDLESS, 10) == 10
    assert token_limit(bert, SimpleNamespace(model_max_length=50), 2048) == 50
    # RoBERTa's positions start after the padding id.
    assert (
        token_limit(RobertaConfig(max_position_embeddings=514, pad_token_id=1), ENDLESS, 999) == 512
    )


def test_positions_go_by_other_names_or_have_no_end():
    assert position_limit(GPT2Config(n_positions=64)) == 64
    assert position_limit(T5Config()) == NO_LIMIT

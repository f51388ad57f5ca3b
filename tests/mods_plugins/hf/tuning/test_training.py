from dataclasses import replace

import pytest
from support.tuned import (
    ROWS,
    TUNING,
    assert_same_weights,
    count_steps,
    train,
    trainer,
    weights_in,
)
from support.turns import MULTI_TURN

from mods import Message, Record
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat.format import Encoded
from mods_plugins.hf.tuning.training import IGNORED, collate, example


def test_only_the_response_is_learned(path):
    lm = CausalLM.load(path)
    turns = [
        Message("user", "q"),
        Message("assistant", "early"),
        Message("user", "more"),
        Message("assistant", "late"),
    ]
    rows = lm.encode(
        [Record.from_turns(turns, instruction="more"), Record.from_instruction("q", "a")]
    )
    batch = collate([example(row) for row in rows], lm.chat.pad_id)
    learned = [
        lm.tokenizer.decode(ids[labels != IGNORED])
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True)
    ]
    assert learned == ["late<|end|>", "a<|end|>"]
    assert batch["attention_mask"].sum(dim=1).tolist() == [row.size for row in rows]


@pytest.mark.parametrize(
    ("rows", "batch", "epochs", "expected"),
    [(10, 4, 1, 3), (10, 128, 3, 3), (8, 4, 2, 4), (10, 3, 0.5, 2), (10, 7, 1, 2)],
)
def test_the_global_batch_decides_the_number_of_steps(
    path, tmp_path, monkeypatch, rows, batch, epochs, expected
):
    steps = count_steps(monkeypatch)
    settings = replace(TUNING, batch_size=batch, epochs=epochs)
    train(path, tmp_path, settings, ROWS[:rows])
    assert steps["n"] == expected == settings.updates(rows)


def test_the_micro_batch_does_not_matter(path, tmp_path):
    settings = replace(TUNING, batch_size=6, lora_dropout=0.0, epochs=1)
    for micro in (1, 6):
        train(path, tmp_path / str(micro), replace(settings, micro_batch=micro))
    one, other = weights_in(tmp_path / "1"), weights_in(tmp_path / "6")
    assert_same_weights(one, other, rtol=1e-2, atol=1e-4)


def test_weights_of_turns_scale_the_loss(path, tmp_path):
    """A weight of 1 is no weight; another changes what is learned."""
    settings = replace(TUNING, epochs=1)
    found = {}
    for weight in (None, 1.0, 0.25):
        rows = [*ROWS[:4], Record.from_turns([Message("user", "q"), Message("assistant", "a b",
                weight=weight)], "q")]  # fmt: skip
        train(path, tmp_path / str(weight), settings, rows=rows)
        found[weight] = weights_in(tmp_path / str(weight))
    assert_same_weights(found[None], found[1.0])
    assert any((found[None][name] != found[0.25][name]).any() for name in found[None])


def test_all_turns_are_learned_where_that_is_asked_for(path, tmp_path):
    lm = CausalLM.load(path, device="cpu")
    [row] = lm.encode([MULTI_TURN], all_turns=True)
    labels = example(row)["labels"]
    learned = lm.tokenizer.decode([label for label in labels if label != IGNORED])
    assert learned == "first answer<|end|>second answer<|end|>"
    more = trainer(path, replace(TUNING, turns="all"))
    assert more.count_tokens([MULTI_TURN]) > trainer(path).count_tokens([MULTI_TURN])
    assert more.identity() != trainer(path).identity()


def test_a_weighted_batch_is_padded_with_ones_and_zeros():
    rows = [Encoded([1], [2, 3], weight=0.5), Encoded([4], [5])]
    batch = collate([example(row) for row in rows], 0)
    assert batch["weights"].tolist() == [[0.0, 0.5, 0.5], [1.0, 1.0, 1.0]]
    assert batch["labels"].tolist() == [[IGNORED, 2, 3], [IGNORED, 5, IGNORED]]
    assert "weights" not in collate([example(rows[1])], 0)

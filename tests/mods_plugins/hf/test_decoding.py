import pytest
import torch
from support.tiny_models import tiny_gpt2, tiny_llama
from transformers import GenerationConfig

from mods_plugins.hf import decoding
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.decoding import continuations

PROMPTS = [[5, 6, 7, 8], [40], [9, 10, 11], [100, 101, 102, 103, 104, 105]]


@pytest.fixture(params=[tiny_llama, tiny_gpt2])
def model(request, tmp_path):
    torch.manual_seed(0)
    model = CausalLM.load(str(request.param(tmp_path)), device="cpu").model
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)  # so that it does not repeat one token
    model.generation_config = GenerationConfig(do_sample=False, pad_token_id=0)
    return model


def written(model, prompts, stop=(), **more):
    return continuations(model, prompts, new_tokens=12, stop=set(stop), pad=0, **more)


def test_slices_write_what_one_piece_writes_and_ended_rows_leave_the_batch(model, monkeypatch):
    monkeypatch.setattr(decoding, "SLICE", 3)
    whole = written(model, PROMPTS, slices=False)
    assert [len(row) for row in whole] == [12] * len(PROMPTS)
    assert written(model, PROMPTS) == whole
    assert [written(model, [prompt])[0] for prompt in PROMPTS] == whole

    sizes = []
    generate = model.generate
    monkeypatch.setattr(
        model, "generate", lambda **k: sizes.append(len(k["input_ids"])) or generate(**k)
    )
    stop = whole[0][1]
    model.generation_config.eos_token_id = [stop]
    ended = written(model, PROMPTS, [stop])
    assert ended == [row[: row.index(stop)] if stop in row else row for row in whole]
    assert sizes[0] == len(PROMPTS)
    assert sizes[-1] < len(PROMPTS)


def test_a_cache_whose_rows_cannot_be_taken_out_keeps_them(model, monkeypatch):
    monkeypatch.setattr(decoding, "SLICE", 3)
    whole = written(model, PROMPTS, slices=False)
    stop = whole[0][1]
    model.generation_config.eos_token_id = [stop]
    usual = written(model, PROMPTS, [stop])
    monkeypatch.setattr(decoding, "_selects_rows", lambda cache: False)
    assert written(model, PROMPTS, [stop]) == usual

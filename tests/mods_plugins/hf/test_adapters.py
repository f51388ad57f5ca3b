import json
from dataclasses import replace

import pytest
import torch
from support.tiny_models import tiny_llama, tiny_tokenizer
from support.tuned import ROWS, TUNING, generator, train

from mods import ModsError
from mods_plugins.hf.adapters import ADAPTER, base_of
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import load_config, load_tokenizer, quiet


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture
def adapter(base, tmp_path):
    """An adapter that changes something, in a folder of its own."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    lm = CausalLM.load(str(base), device="cpu")
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet():
        adapted = get_peft_model(lm.model, config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    return tmp_path / "adapter"


def test_an_adapter_is_merged_into_its_base(base, adapter, caplog):
    lm = CausalLM.load(str(adapter), device="cpu")
    assert "adapter: it was merged into its base" in caplog.text
    plain = CausalLM.load(str(base), device="cpu")
    assert (lm.mean_losses(lm.encode(ROWS)) != plain.mean_losses(plain.encode(ROWS))).all()
    assert type(lm.model) is type(plain.model)
    assert load_config(str(adapter)).model_type == "llama"
    assert load_tokenizer(str(adapter)).get_vocab() == plain.tokenizer.get_vocab()


def test_base_and_adapter_are_both_in_the_identity(base, adapter, tmp_path):
    found = model_identity(str(adapter))
    assert found["model"] == "adapter"
    assert found["base"] == model_identity(str(base))
    config = json.loads((adapter / ADAPTER).read_text())
    other = tiny_llama(tmp_path / "other", seed=5)
    (adapter / ADAPTER).write_text(json.dumps({**config, "base_model_name_or_path": str(other)}))
    assert model_identity(str(adapter))["base"] != found["base"]


def test_tuning_goes_on_from_the_adapter(base, adapter, tmp_path):
    settings = replace(TUNING, epochs=1, learning_rate=1e-9)
    tuned = train(str(adapter), tmp_path / "a", settings)
    from mods import Weights

    losses = generator(str(adapter)).losses(ROWS, Weights(tuned, {}))
    assert losses == pytest.approx(generator(str(adapter)).losses(ROWS, None), abs=1e-3)
    assert losses != pytest.approx(generator(str(base)).losses(ROWS, None), abs=1e-3)


def test_an_adapter_names_its_base(adapter, tmp_path):
    tiny_tokenizer().save_pretrained(tmp_path / "plain")
    assert base_of(str(tmp_path / "plain")) is None
    config = json.loads((adapter / ADAPTER).read_text())
    (adapter / ADAPTER).write_text(json.dumps({**config, "base_model_name_or_path": ""}))
    with pytest.raises(ModsError, match="an adapter that does not name its base"):
        base_of(str(adapter))

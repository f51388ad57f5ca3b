import warnings

import pytest
from support.tiny_classifiers import tiny_bert
from support.tiny_models import tiny_llama, tiny_tokenizer

from mods import ModsError
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.identity import model_identity
from mods_plugins.hf.loading import (
    load_config,
    load_generation_stops,
    load_network,
    load_tokenizer,
    quiet,
)

PLACE = {"revision": None, "device": "cpu", "dtype": "float32"}


def test_what_cannot_be_loaded_is_explained_in_one_way(tmp_path, monkeypatch):
    from transformers import AutoModel

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    for missing, said in (("empty", "cannot load the model"), ("none", "no such folder or file")):
        missing = str(tmp_path / missing)
        for load in (CausalLM.load, load_config, load_tokenizer):
            with pytest.raises(ModsError, match=said):
                load(missing)
        with pytest.raises(ModsError, match=said):
            load_network(AutoModel, missing, **PLACE)
    with pytest.raises(ModsError, match="cannot load the model"):
        model_identity("no-such-owner/no-such-model")
    with pytest.raises(ModsError, match="no such folder or file"):
        CausalLM.load(str(tmp_path / "none.gguf"))


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


def test_a_network_without_some_weights_is_refused_unless_they_are_spare(tmp_path):
    from transformers import AutoModel, AutoModelForSequenceClassification

    path = str(tiny_bert(tmp_path / "bert"))
    network = load_network(AutoModel, path, spare="pooler", **PLACE)
    assert not network.training
    network.save_pretrained(tmp_path / "headless")
    with pytest.raises(ModsError, match=r"no trained weights for classifier.*Classification can"):
        load_network(AutoModelForSequenceClassification, str(tmp_path / "headless"), **PLACE)


def test_loading_shows_nothing_and_leaves_the_library_as_it_was(tmp_path, capfd):
    from transformers.utils import logging

    path = str(tiny_llama(tmp_path))
    before = logging.get_verbosity(), warnings.filters[:]
    capfd.readouterr()
    CausalLM.load(path)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(KeyError), quiet():
        raise KeyError
    assert (logging.get_verbosity(), warnings.filters[:]) == before


def test_the_tokens_that_end_an_answer_are_told_without_loading_weights(tmp_path):
    path = str(tiny_llama(tmp_path))
    assert load_generation_stops(path) == [tiny_tokenizer().eos_token_id]
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [3, 5]}')
    assert load_generation_stops(path) == [3, 5]
    assert CausalLM.load(path, device="cpu").stop_ids[:2] == [3, 5]
    (tmp_path / "generation_config.json").unlink()
    assert load_generation_stops(path) == [tiny_tokenizer().eos_token_id]

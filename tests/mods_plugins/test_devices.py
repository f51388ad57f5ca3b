import pytest

from mods import SettingsError
from mods_plugins.devices import parse_devices


def test_devices_are_named_as_torch_names_them(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert parse_devices("cuda:0, cuda:1") == parse_devices("cuda:0+cuda:1") == ("cuda:0", "cuda:1")
    assert parse_devices("cpu") == ("cpu",)
    for wrong, why in (
        ("gpu0", "expected cuda:0,cuda:1"), ("", "expected cuda"), ("cuda:0,cuda:0", "twice"),
        ("cpu:0", "expected 1 to"), ("cpu:9999", "one a core"), ("cpu,cuda:0", "expected cuda"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=why):
            parse_devices(wrong)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(SettingsError, match="CUDA_VISIBLE_DEVICES leaves 1"):
        parse_devices("cuda:1")

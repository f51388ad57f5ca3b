import pytest

from mods_plugins.openai import pace


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(pace, "SHORTEST", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

import tempfile

import pytest
from support import fake_vllm


@pytest.fixture
def pids(tmp_path, monkeypatch):
    """The file in which fake servers write who they are."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # asked anew
    file = tmp_path / "pids"
    monkeypatch.setenv("FAKE_VLLM_PIDS", str(file))
    return file


@pytest.fixture
def program(tmp_path, pids):
    """A program called `vllm`."""
    return fake_vllm.installed(tmp_path)

"""Server programs come up, are told about, and go; nothing of them is left."""

import logging
import sys
from pathlib import Path

import pytest
from support.fake_vllm import alive

from mods import ModsError
from mods_plugins.processes import free_port
from mods_plugins.serving import keeper, process
from mods_plugins.serving.process import HERE, ServerProcess, answers


@pytest.fixture
def start(program):
    started = []

    def start(port, **variables):
        command = [program, "serve", "m", "--host", HERE, "--port", str(port)]
        started.append(ServerProcess("vllm", [*command, "--served-model-name", "m"], variables))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_it_answers_and_is_gone_with_its_workers_after_stop(start, pids):
    port = free_port()
    server = start(port)
    server.wait(port, "/health", 30)
    assert answers(port, "/health")
    assert len(pids.read_text().split()) == 2
    server.stop()
    assert alive(pids) == []
    assert not answers(port, "/health")
    assert not server.log.exists()
    server.stop()  # once more is no harm


def test_a_server_that_dies_is_told_with_the_end_of_its_log(start, pids):
    port = free_port()
    server = start(port, FAKE_VLLM="dies")
    with pytest.raises(ModsError, match=r"ended by itself; the end of its log") as error:
        server.wait(port, "/health", 30)
    assert "no room for the key-value cache" in str(error.value)
    assert alive(pids) == []
    server.stop()
    assert "no room" in server.log.read_text()  # kept, to be read
    server.log.unlink()


def test_one_that_never_answers_is_given_up_and_progress_was_told(start, caplog, monkeypatch, pids):
    monkeypatch.setattr(process, "TOLD", 0.3)
    caplog.set_level(logging.INFO)
    port = free_port()
    server = start(port, FAKE_VLLM="silent")
    with pytest.raises(ModsError, match=r"has not answered after 3 s \(`start_timeout`\)"):
        server.wait(port, "/health", 3)
    assert "loading weights" in caplog.text
    server.stop()
    assert alive(pids) == []


def test_one_that_will_not_end_is_made_to(start, pids, monkeypatch):
    source = Path(keeper.__file__).read_text()
    impatient = pids.with_name("keeper.py")
    impatient.write_text(source.replace(f"GRACE = {keeper.GRACE}", "GRACE = 0.3"))
    monkeypatch.setattr(keeper, "__file__", str(impatient))
    port = free_port()
    server = start(port, FAKE_VLLM="stubborn")
    server.wait(port, "/health", 30)
    server.stop()
    assert alive(pids) == []


def test_variables_of_this_python_do_not_reach_another_one(program, pids, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    shown = "import os; print(sorted(os.environ.items()))"
    server = ServerProcess("vllm", [sys.executable, "-c", shown], {"ONLY": "here"})
    server._keeper.wait(30)
    server.stop()
    text = server.log.read_text()
    server.log.unlink()
    assert "('ONLY', 'here')" in text
    assert "PYTHONPATH" not in text

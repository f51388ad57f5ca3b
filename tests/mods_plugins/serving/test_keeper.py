"""A server does not outlive who asked for it, however that process ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
from support.fake_vllm import alive

OWNER = """
import sys, time
from mods_plugins.processes import free_port
from mods_plugins.serving.process import HERE, ServerProcess
port = free_port()
arguments = ["serve", "m", "--host", HERE, "--port", str(port), "--served-model-name", "m"]
server = ServerProcess("vllm", [sys.argv[1], *arguments], {})
try:
    server.wait(port, "/health", 60)
    print("up", flush=True)
    time.sleep(600)
finally:
    server.stop()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_owner_ends(program, pids, how):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert owner.stdout.readline() == b"up\n"
        os.kill(owner.pid, how)
        assert owner.wait(60) != 0
        assert len(pids.read_text().split()) == 2
        assert alive(pids) == []
    finally:
        owner.stdout.close()
        if owner.poll() is None:
            owner.kill()
            owner.wait()


def test_a_start_that_is_interrupted_leaves_nothing(program, pids, monkeypatch):
    monkeypatch.setenv("FAKE_VLLM", "silent")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, program],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (pids.exists() and len(pids.read_text().split()) == 2):
        assert owner.poll() is None
        time.sleep(0.05)
    os.killpg(owner.pid, signal.SIGINT)  # as Ctrl-C does
    owner.wait(60)
    assert alive(pids) == []

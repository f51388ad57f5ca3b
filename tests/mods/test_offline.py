"""What `--offline` refuses, tried in processes of their own: the hook stays for good."""

import subprocess
import sys

import pytest

from mods.offline import is_here

TRY = """
import socket, urllib.request
from mods.plugins.loading import load_plugins
load_plugins()
import huggingface_hub.constants
print(huggingface_hub.constants.HF_HUB_OFFLINE)
for ask in (
    lambda: urllib.request.urlopen("http://example.org"),
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 80)),
):
    try:
        ask()
    except OSError as error:
        print(error)
with socket.create_server(("127.0.0.1", 0)) as here:
    socket.create_connection(here.getsockname()).close()
    print("this machine answers")
"""


def test_nothing_but_this_machine_is_asked_whatever_library_asks(monkeypatch):
    monkeypatch.setenv("MODS_OFFLINE", "1")
    told = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True)
    hub, *refused, here = told.stdout.splitlines()
    assert (hub, here) == ("True", "this machine answers")
    assert len(refused) == 3
    assert all("offline: " in line for line in refused)


def test_the_command_line_refuses_a_server_elsewhere_and_takes_one_here(data):
    def score(host):
        quality = f"llm-judge:server=http://{host}/v1,model=tiny,retries=0"
        command = [sys.executable, "-m", "mods", "--offline", "score", data, "--quality", quality]
        return subprocess.run([*command, "-o", "s"], capture_output=True, text=True).stderr

    assert "--offline: http://example.org/v1 is not on this machine" in score("example.org")
    assert "127.0.0.1:9/v1: does not answer" in score("127.0.0.1:9")


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("", True), ("10.0.0.1", False),
     ("example.org", False), ("localhost.example.org", False), ("0.0.0.0", False)],
)  # fmt: skip
def test_what_this_machine_is_called(host, here):
    assert is_here(host) is here

"""The connection to Ray: a Ray of one's own comes and goes, and talks to nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mods import PluginError, SettingsError
from mods_plugins.ray.connection import connect

OWN = """
import signal, sys
import psutil
from mods_plugins.executors.ray import RayExecutor
from mods_plugins.ray.connection import imported
from mods.testing import check_executor

def sockets():
    "Addresses that any process here listens on, in hexadecimal."
    lines = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}")]
    return {tuple(line[1].split(":")) for line in lines if line[3] == "0A"}

def started():
    return set(psutil.Process().children(recursive=True))

if "late" in sys.argv:  # the first Ray does not start in time
    imported(here=True)
    from ray._private import services
    looked = services.get_node

    def late(*_):
        services.get_node = looked
        mine.update(started())
        raise TimeoutError("The current node timed out during startup")

    services.get_node = late

mine, before = started(), sockets()
stop = signal.getsignal(signal.SIGTERM)
executor = RayExecutor(workers=1)
check_executor(executor)
assert signal.getsignal(signal.SIGTERM) is stop
opened = sockets() - before
assert opened, "it listens"
local = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
assert all(host in local for host, _ in opened), opened
mine |= started()
assert len(mine) > 3, "a Ray is several processes"
del executor
_, left = psutil.wait_procs(mine, timeout=60)
assert not left, left
"""


@pytest.mark.parametrize("start", ["at once", "late"])
def test_a_ray_of_ones_own_is_silent_hears_nobody_else_and_ends(start):
    done = subprocess.run(
        [sys.executable, "-c", OWN, start], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_address_where_no_cluster_answers_is_named():
    with pytest.raises(SettingsError, match=r"no Ray cluster answers at 127.0.0.1:1: .*ray start"):
        connect(connect, "127.0.0.1:1")


def test_an_address_of_another_form_is_refused():
    with pytest.raises(SettingsError, match=r"address must be `auto` or HOST:PORT, got 'here'"):
        connect(connect, "here")


def test_offline_talks_to_no_other_machine(monkeypatch):
    monkeypatch.setenv("MODS_OFFLINE", "1")
    with pytest.raises(SettingsError, match=r"`offline`: ray://192.0.2.77:6379 is not on this"):
        connect(connect, "192.0.2.77:6379")


def test_without_the_extra_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PluginError, match=r'Ray needs one more package: pip install "mods\[ray\]"'):
        connect(connect, "")


HEADLESS = """
import os, sys, threading
from pathlib import Path
from support.ray_cluster import running, wait_until
from support.tasks import Where
from mods import PluginError
from mods_plugins.executors.ray import RayExecutor
from mods_plugins.ray import connection

connection.PATIENCE = 1
with running() as cluster:
    here = cluster.address

    def lose_the_head():
        wait_until(lambda: len(list(Path().glob("at-*"))) == 2)
        cluster.head_node.kill_gcs_server(check_alive=False)
        if "whole" in sys.argv:
            cluster.head_node.kill_raylet(check_alive=False)

    threading.Thread(target=lose_the_head).start()
    try:
        list(RayExecutor(address=here).map(Where(Path().resolve()), [["wait"]] * 3))
    except PluginError as error:
        print(str(error).replace(here, "HERE"), flush=True)
    for node in [*cluster.worker_nodes, cluster.head_node]:
        node.kill_all_processes(check_alive=False, allow_graceful=False)
    os._exit(0)  # Ray itself would wait for the head
"""


@pytest.mark.parametrize("what", ["whole", "head only"])
def test_a_lost_head_is_told_before_ray_ends_the_process(what):
    run = subprocess.run(
        [sys.executable, "-c", HEADLESS, what], capture_output=True, text=True, timeout=240,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert run.stdout == (
        "the head of the Ray cluster, HERE, does not answer any more. What was done is kept: start "
        "the cluster again, then give the same command\n"
    ), run.stderr

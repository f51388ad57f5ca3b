"""A Ray cluster of several nodes on this machine, for the tests of a module."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

from mods_plugins.ray.connection import LOOPBACK, imported

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
"""A machine of one CPU, as far as Ray can tell."""


@contextmanager
def running():
    """Two such machines, which listen on 127.0.0.1 only; `ray` is the module."""
    os.environ[LOOPBACK] = "0"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where workers find test modules
    ray = imported()
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE)
    made.add_node(**NODE)
    made.ray = ray
    yield made
    ray.shutdown()
    made.shutdown()
    del os.environ["PYTHONPATH"]


def wait_until(true, seconds=60.0):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)

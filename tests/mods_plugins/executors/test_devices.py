import os
import time

import pytest
from support.tasks import Placed

from mods import PluginError, SettingsError
from mods.interfaces import Executor
from mods.testing import check_executor
from mods_plugins.executors.devices import DevicesExecutor, register_executors


@pytest.fixture
def two(monkeypatch):
    """Two processes that find the class above; ended after the test."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    executor = DevicesExecutor(devices="cpu:2")
    yield executor
    executor.close()


def test_it_keeps_the_rules_of_executors_and_is_registered(two):
    found = {}
    register_executors(found.__setitem__)
    assert found == {"devices": DevicesExecutor}
    assert isinstance(two, Executor)
    check_executor(two)


def test_each_process_has_cores_of_its_own_and_both_are_used(two):
    outcomes = dict(two.map(Placed(), [[1]] * 6))
    assert sorted(outcomes) == list(range(6))
    places = {(pid, *cores) for pid, cores in (o.values for o in outcomes.values())}
    (one, *some), (other, *others) = places
    assert one != other != os.getpid() != one
    assert not set(some) & set(others)
    again = {pid for pid, _ in (o.values for _, o in two.map(Placed(), [[1]] * 4))}
    assert again <= {one, other}


def test_an_error_of_the_task_passes_through_and_leaves_no_process(two):
    with pytest.raises(SettingsError, match=r"^broken$"):
        list(two.map(Placed(), [[1], ["broken"], [2]]))
    assert two._workers == []


def test_a_process_that_ends_by_itself_is_told(two):
    with pytest.raises(PluginError, match="a process on cpu ended by itself"):
        list(two.map(Placed(), [["end"]]))


def test_who_stops_asking_waits_for_nobody(two):
    outcomes = two.map(Placed(), [[1], ["sleep"]])
    start = time.monotonic()
    assert next(outcomes)[0] == 0
    pids = [worker._process.pid for worker in two._workers]
    outcomes.close()
    assert time.monotonic() - start < 50
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

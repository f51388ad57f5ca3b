"""The executor `ray` on a cluster of two nodes: the same results, whatever dies."""

import shutil
import threading
from pathlib import Path

import pytest
from conftest import TOY
from support.ray_cluster import NODE, wait_until
from support.tasks import Where

from mods import PluginError, SettingsError
from mods.testing import check_executor
from mods_plugins.executors.ray import RayExecutor


@pytest.fixture
def executor(cluster):
    return RayExecutor(address=cluster.address)


def test_it_keeps_the_rules_of_executors(executor):
    check_executor(executor)


@pytest.fixture
def meanwhile():
    """Do something while the executor is waited for."""
    threads = []

    def start(act):
        threads.append(threading.Thread(target=act))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def test_every_node_works_and_a_worker_serves_many_chunks(executor, tmp_path, meanwhile):
    def let_them_go():
        wait_until(lambda: len(list(tmp_path.glob("at-*"))) == 2)
        (tmp_path / "go").touch()

    meanwhile(let_them_go)
    outcomes = list(executor.map(Where(tmp_path), [["wait"], ["wait"], *[["a"]] * 8]))
    assert len(outcomes) == 10
    assert len({pid for _, outcome in outcomes for pid in outcome.values}) == 2


def test_what_the_task_raises_passes_through(executor, tmp_path):
    with pytest.raises(SettingsError, match=r"^this is refused$"):
        list(executor.map(Where(tmp_path), [["a"], ["refuse"]]))


def test_a_chunk_that_kills_every_worker_is_named_and_others_are_done(executor, tmp_path):
    outcomes = executor.map(Where(tmp_path), [["die"], *"abcde"])
    assert sorted(next(outcomes)[0] for _ in range(5)) == [1, 2, 3, 4, 5]
    with pytest.raises(PluginError, match=r"chunk 0 \(1 rows\) ended 3 workers of the Ray cluster"):
        next(outcomes)


def test_a_lost_node_costs_its_chunk_only_and_no_line(
    executor, cluster, tmp_path, capfd, meanwhile
):
    extra = cluster.add_node(**NODE)

    def lose_the_node():
        wait_until(lambda: len(list(tmp_path.glob("at-*"))) == 3)  # all nodes have work in hand
        cluster.remove_node(extra, allow_graceful=False)
        at_work = [Path("/proc", file.name[3:]) for file in tmp_path.glob("at-*")]
        wait_until(lambda: not all(process.exists() for process in at_work))
        (tmp_path / "go").touch()

    meanwhile(lose_the_node)
    outcomes = list(executor.map(Where(tmp_path), [["wait"]] * 9))
    assert capfd.readouterr() == ("", "")
    assert sorted(number for number, _ in outcomes) == list(range(9))
    assert len({pid for _, outcome in outcomes for pid in outcome.values}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus": 0}, "cpus must be a number above 0, got 0"),
        ({"workers": -1}, "workers must be a whole number, 0 or more, got -1"),
        ({"gpus": "two"}, "gpus must be a number, 0 or more, got 'two'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        RayExecutor(**options)


def test_a_worker_that_fits_nowhere_is_refused_at_once(executor, tmp_path):
    executor.cpus = 64
    with pytest.raises(SettingsError, match="no machine of the Ray cluster has 64 CPUs and 0 GPUs"):
        list(executor.map(Where(tmp_path), [["a"]]))


def test_a_run_selects_the_same_byte_for_byte(cluster, mods, toy_run, data, tmp_path):
    plugin = Path(shutil.copy(TOY, tmp_path / "toy.py")).name  # workers find it by its whole path
    here, there = tmp_path / "here", tmp_path / "there"
    mods(*toy_run(data, here, "--cache", tmp_path / "a", plugins=[plugin]))
    executor = ("--executor", f"ray:address={cluster.address}")
    mods(*toy_run(data, there, "--cache", tmp_path / "b", *executor, plugins=[plugin]))
    for name in ("selected.jsonl", "receipts.parquet", "pool.parquet", "quarantine.jsonl"):
        assert (there / name).read_bytes() == (here / name).read_bytes(), name

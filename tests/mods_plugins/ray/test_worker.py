"""A worker: it makes its task once, where it works."""

import pickle
from pathlib import Path

import pytest
from support.tasks import Weighted

from mods import PluginError, Weights
from mods_plugins.ray.worker import Worker


def worker(task, folder):
    return Worker(pickle.dumps(task), str(folder), offline=False)


def test_weights_that_a_machine_does_not_have_are_named(tmp_path):
    away = worker(Weighted(Weights(tmp_path / "gone", {})), tmp_path)
    with pytest.raises(PluginError, match=r"gone are not on the machine .* `cache` must be"):
        away.run(["a"])


def test_the_task_is_made_once_and_where_the_run_was_started(tmp_path):
    (tmp_path / "started").mkdir()
    (tmp_path / "started" / "weights").touch()
    here = worker(Weighted(Weights(Path("weights"), {})), tmp_path / "started")
    assert here.run(["a"]).values == ["a"]
    assert here.task is here.task

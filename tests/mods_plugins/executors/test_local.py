import pytest

from mods import Outcome
from mods.interfaces import Executor
from mods_plugins.executors.local import LocalExecutor, register_executors


class Task:
    """Doubles numbers and remembers the chunks it was given."""

    def __init__(self):
        self.seen = []

    def run(self, chunk):
        self.seen.append(chunk)
        if "broken" in chunk:
            raise ValueError("broken")
        return Outcome([2 * value for value in chunk], 0.0)


def test_every_chunk_once_in_order_and_only_when_asked():
    task = Task()
    outcomes = LocalExecutor().map(task, [[1, 2], [], [3]])
    assert task.seen == []
    assert next(outcomes) == (0, Outcome([2, 4], 0.0))
    assert task.seen == [[1, 2]]
    assert [(i, outcome.values) for i, outcome in outcomes] == [(1, []), (2, [6])]


def test_what_the_task_raises_passes_through():
    outcomes = LocalExecutor().map(Task(), [[1], ["broken"]])
    next(outcomes)
    with pytest.raises(ValueError, match="broken"):
        next(outcomes)


def test_it_is_registered_as_local():
    found = {}
    register_executors(found.__setitem__)
    assert found == {"local": LocalExecutor}
    assert isinstance(LocalExecutor(), Executor)

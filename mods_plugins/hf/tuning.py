"""Tuning a causal language model on the responses of some records, so that a kill costs little."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.batching import free_device_memory, is_out_of_memory
from mods.errors import DataError, RunFolderError, SettingsError
from mods_plugins.causal_lm import CausalLM, quiet
from mods_plugins.chat import Encoded

if TYPE_CHECKING:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from mods.records import Record
    from mods.settings import Tuning

try:
    import fcntl
except ImportError:  # no such locks on this system
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("mods_plugins")

SAVE_SECONDS = 30.0
"""Least time between checkpoints; more where saving is slow (see `_checkpointer`)."""
SAVE_COST = 10.0
"""Least time between checkpoints, as a multiple of the time that the last one took."""
COMPLETE = "mods-complete"
"""The file that says a checkpoint was written to its end."""
IGNORED = -100
"""The label of a token that is not learned."""


def tune(
    load: Callable[[], CausalLM],
    records: Sequence[Record],
    *,
    tuning: Tuning,
    folder: Path,
    seed: int,
    name: str,
    what: Mapping[str, Any],
) -> CausalLM:
    """Tune what `load` returns on the responses of `records` and return it, ready to answer.

    `folder` gets `tuning.json` (what is tuned, on what, how), checkpoints while it runs, and at
    the end `tuned/`: the adapter, or the whole model for full tuning. A finished folder is only
    loaded; an unfinished one goes on from its last whole checkpoint, to the same weights as
    without the interruption. A second process waits for the first, then loads what it made.
    `name` is what the adapter calls its base model. Raises `RunFolderError` if the folder holds
    another tuning.
    """
    if not records:
        raise DataError("there is no record to tune on: the seed set is empty")
    with _locked(folder):
        _claim(folder, _description(records, tuning, seed, what))
        if (folder / "tuned").exists():
            return _attached(load(), folder / "tuned", tuning)
        tuned = _train_with_room(load, records, tuning, folder, seed)
        _finish(tuned, folder, tuning, name)
        return tuned


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder: two processes must not write its checkpoints at once.

    The system lets go of the lock when the process ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s: another process tunes here; waiting for it", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield


def _description(
    records: Sequence[Record], tuning: Tuning, seed: int, what: Mapping[str, Any]
) -> dict[str, Any]:
    settings = asdict(tuning)
    del settings["micro_batch"]  # a matter of memory, not of results
    rows = hashlib.sha256("\n".join(record.id for record in records).encode()).hexdigest()
    return {**settings, "seed": seed, "rows": len(records), "row_ids": rows, **what}


def _claim(folder: Path, description: dict[str, Any]) -> None:
    """Write down what the folder is for, or check that it is for this."""
    file = folder / "tuning.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / "tuning.json.part"
        draft.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        draft.replace(file)
        return
    found = json.loads(file.read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(description))
    other = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    if other:
        raise RunFolderError(
            f"{folder} holds a tuning with another {', '.join(other)}; "
            "remove it or use another folder"
        )


def _train_with_room(
    load: Callable[[], CausalLM], records: Sequence[Record], tuning: Tuning, folder: Path, seed: int
) -> CausalLM:
    """Train, with smaller micro-batches each time memory runs out; the global batch stays."""
    micro = _divisor(tuning.batch_size, tuning.micro_batch)
    while True:
        try:
            return _train(load(), records, tuning, folder, seed, micro)
        except (RuntimeError, MemoryError) as error:
            if micro == 1 or not is_out_of_memory(error):
                raise
        # Outside the handler: the error's traceback would keep the model alive.
        free_device_memory()
        micro = _divisor(tuning.batch_size, micro // 2)
        warnings.warn(f"out of memory: micro-batches of {micro} from here", stacklevel=2)


def _divisor(batch: int, most: int) -> int:
    """Return the largest divisor of `batch` up to `most`, so that whole micro-batches fill it."""
    return next(size for size in range(max(1, min(batch, most)), 0, -1) if batch % size == 0)


def _train(
    lm: CausalLM, records: Sequence[Record], tuning: Tuning, folder: Path, seed: int, micro: int
) -> CausalLM:
    from transformers import set_seed

    rows = _rows(lm, records, tuning)
    checkpoints = folder / "checkpoints"
    kind = lm.model.dtype
    set_seed(seed)  # the adapter starts from random weights
    # Full tuning holds float32 weights: a step of 2e-5 is lost in the rounding of bfloat16.
    lm.model = _with_adapter(lm.model, tuning) if tuning.method == "lora" else lm.model.float()
    arguments = _arguments(lm, len(rows), tuning, checkpoints, seed, micro, kind)
    last = _last_checkpoint(checkpoints)
    with quiet():
        trainer = _trainer(lm, rows, arguments)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    if tuning.method == "full":
        lm.model = lm.model.to(kind)
    lm.model.config.use_cache = True
    lm.model.eval()
    return lm


def _rows(lm: CausalLM, records: Sequence[Record], tuning: Tuning) -> list[Encoded]:
    rows = lm.encode(records, tuning.max_length)
    cut = sum(row.cut for row in rows)
    if cut:
        warnings.warn(
            f"tuning: {cut} of {len(rows)} rows were longer than {tuning.max_length} tokens (or "
            "than the model can read) and were cut",
            stacklevel=2,
        )
    return rows


def _with_adapter(model: Any, tuning: Tuning) -> Any:
    """Wrap a model with a new LoRA adapter on all its linear layers except the output layer."""
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    config = LoraConfig(
        r=tuning.lora_rank,
        lora_alpha=tuning.lora_alpha,
        lora_dropout=tuning.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
    )
    with quiet():
        adapted = get_peft_model(model, config)
    # Else each save asks the hub about the base model; the finished adapter names it.
    adapted.peft_config["default"].base_model_name_or_path = ""
    return adapted


def _trainer(lm: CausalLM, rows: list[Encoded], arguments: TrainingArguments) -> Trainer:
    from transformers import Trainer
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    trainer = Trainer(
        model=lm.model,
        args=arguments,
        train_dataset=[_example(row) for row in rows],
        data_collator=lambda examples: _collate(examples, lm.chat.pad_id),
        compute_loss_func=_response_loss,
        callbacks=[_checkpointer(), _progress()],
    )
    # Both print logs on standard output, which is for results.
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def optimiser_steps(rows: int, tuning: Tuning) -> int:
    """Return the number of optimiser steps: ceil(rows / batch size) an epoch."""
    per_epoch = -(-rows // tuning.batch_size)
    return max(1, math.ceil(tuning.epochs * per_epoch))


def _arguments(
    lm: CausalLM,
    rows: int,
    tuning: Tuning,
    folder: Path,
    seed: int,
    micro: int,
    kind: torch.dtype,
) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    steps = optimiser_steps(rows, tuning)
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=tuning.batch_size // micro,
        max_steps=steps,
        learning_rate=tuning.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(tuning.warmup * steps),
        weight_decay=tuning.weight_decay,
        bf16=kind == torch.bfloat16,
        fp16=kind == torch.float16,
        use_cpu=lm.device.type == "cpu",
        seed=seed,
        save_strategy="no",  # the checkpointer decides
        save_total_limit=2,
        logging_strategy="no",
        report_to="none",
        log_level="error",
        remove_unused_columns=False,
        dataloader_pin_memory=lm.device.type == "cuda",
    )
    if (lm.device.index or 0) != (arguments.device.index or 0):
        raise SettingsError(
            f"tuning runs on {arguments.device}, not on {lm.device}: choose the device with "
            "CUDA_VISIBLE_DEVICES"
        )
    if arguments.n_gpu > 1:
        # Several would be used at once, and multiply the global batch.
        arguments._n_gpu = 1
    return arguments


def _example(row: Encoded) -> dict[str, list[int]]:
    """Only the last response is learned: the context, earlier answers included, is not."""
    return {
        "input_ids": [*row.prompt, *row.response],
        "labels": [IGNORED] * len(row.prompt) + row.response,
    }


def _collate(examples: Sequence[Mapping[str, list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Pad on the right; all three tensors have the shape (rows, longest)."""
    import torch

    width = max(len(example["input_ids"]) for example in examples)
    gaps = [width - len(example["input_ids"]) for example in examples]
    both = list(zip(examples, gaps, strict=True))
    return {
        "input_ids": torch.tensor([e["input_ids"] + [pad] * gap for e, gap in both]),
        "labels": torch.tensor([e["labels"] + [IGNORED] * gap for e, gap in both]),
        "attention_mask": torch.tensor([[1] * (width - gap) + [0] * gap for gap in gaps]),
    }


def _response_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Return the loss of the learned tokens over their number in the whole global batch.

    Each token of a global batch weighs the same, however it is split into micro-batches.
    """
    import torch

    targets = labels[:, 1:]
    learned = targets != IGNORED
    logits = outputs.logits[:, :-1][learned].float()
    total = torch.nn.functional.cross_entropy(
        logits, targets[learned].to(logits.device), reduction="sum"
    )
    return total / (learned.sum() if num_items_in_batch is None else num_items_in_batch)


def _checkpointer() -> TrainerCallback:
    """Make the callback that saves at the end of an epoch, and when the last save is long ago.

    Long ago is `SAVE_SECONDS`, or ten times what the last save took if that is longer, so that
    saving a large model does not take over. A checkpoint that was written whole is marked.
    """
    from transformers import TrainerCallback

    class Checkpointer(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved_at, self.asked_at = time.monotonic(), time.monotonic()
            self.saved_step, self.wait = -1, SAVE_SECONDS

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.monotonic() - self.saved_at >= self.wait:
                self._ask(state, control)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step != self.saved_step:
                self._ask(state, control)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            self.saved_at, self.saved_step = time.monotonic(), state.global_step
            self.wait = max(SAVE_SECONDS, SAVE_COST * (self.saved_at - self.asked_at))

        def _ask(self, state: Any, control: Any) -> None:
            # The last step is followed by the finished model.
            control.should_save = state.global_step < state.max_steps
            self.asked_at = time.monotonic()

    return Checkpointer()


def _progress() -> TrainerCallback:
    """Make the callback that shows a bar on standard error, unless the run is quiet."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar = tqdm(
                total=state.max_steps,
                initial=state.global_step,
                desc="tuning",
                unit=" steps",
                disable=logger.getEffectiveLevel() > logging.INFO,
            )

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.update(state.global_step - self.bar.n)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.close()

    return Progress()


def _mark_complete(checkpoint: Path) -> None:
    """Say that a checkpoint is whole, once its files are really on the disk."""
    for file in checkpoint.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    (checkpoint / COMPLETE).touch()


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint and remove all others, half-written ones included."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    whole = [path for path in found if (path / COMPLETE).exists()]
    for path in found:
        if path not in whole[-1:]:
            shutil.rmtree(path)
    return whole[-1] if whole else None


def _finish(lm: CausalLM, folder: Path, tuning: Tuning, name: str) -> None:
    """Write `tuned/` in one step, then remove the checkpoints."""
    draft = folder / "tuned.part"
    shutil.rmtree(draft, ignore_errors=True)
    with quiet():
        if tuning.method == "lora":
            lm.model.peft_config["default"].base_model_name_or_path = name
            lm.model.save_pretrained(draft, save_embedding_layers=False)
            (draft / "README.md").unlink(missing_ok=True)  # a form that nobody filled in
        else:
            lm.model.save_pretrained(draft)
        lm.tokenizer.save_pretrained(draft)
    draft.rename(folder / "tuned")
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _attached(lm: CausalLM, tuned: Path, tuning: Tuning) -> CausalLM:
    """Give a freshly loaded model what tuning made of it."""
    if tuning.method == "full":
        from transformers import AutoModelForCausalLM

        with quiet():
            model = AutoModelForCausalLM.from_pretrained(tuned, dtype=lm.model.dtype)
    else:
        from peft import PeftModel

        with quiet():
            model = PeftModel.from_pretrained(lm.model, str(tuned))
    lm.model = model.to(lm.device).eval()
    return lm

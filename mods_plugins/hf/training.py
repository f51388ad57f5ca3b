"""One training of a causal language model on responses, by transformers' own trainer."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import SettingsError
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat import Encoded
from mods_plugins.hf.checkpoints import checkpointer, last_checkpoint
from mods_plugins.hf.loading import quiet
from mods_plugins.hf.padding import attention_mask, padded

if TYPE_CHECKING:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from mods.settings.options import Tuning

logger = logging.getLogger(__name__)

IGNORED = -100
"""The label of a token that is not learned, as torch's losses know it."""
KEPT = 2
"""Checkpoints on the disk: the newest, and the one before should a kill leave that unfinished."""


def fit(
    lm: CausalLM, rows: Sequence[Encoded], tuning: Tuning, *, folder: Path, seed: int, micro: int
) -> None:
    """Tune `lm` on the responses of `rows`, in place; it is ready to answer afterwards.

    `folder` keeps checkpoints; training goes on from the last whole one there, to the same
    weights. `micro` rows go through the model at once and must divide `tuning.batch_size`.
    Raises the out-of-memory error of torch if they do not fit, and `SettingsError` if tuning
    diverges; then no checkpoint is left.
    """
    from transformers import set_seed

    kind = lm.model.dtype
    set_seed(seed)  # the adapter starts from random weights
    # Full tuning holds float32 weights: a step of 2e-5 is lost in the rounding of bfloat16.
    lm.model = _with_adapter(lm.model, tuning) if tuning.method == "lora" else lm.model.float()
    arguments = _arguments(lm, len(rows), tuning, folder, seed, micro, kind)
    last = last_checkpoint(folder)
    try:
        with quiet():
            trainer = _trainer(lm, rows, arguments)
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        _check_weights(lm.model, arguments)
    except SettingsError:
        shutil.rmtree(folder, ignore_errors=True)  # the weights in it may be as bad
        raise
    if tuning.method == "full":
        lm.model = lm.model.to(kind)
    lm.model.config.use_cache = True
    lm.model.eval()


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


def _trainer(lm: CausalLM, rows: Sequence[Encoded], arguments: TrainingArguments) -> Trainer:
    from transformers import Trainer
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    def loss(*given: Any, **named: Any) -> torch.Tensor:
        found = _response_loss(*given, **named)
        _check_loss(found, trainer.state.global_step + 1, arguments)
        return found

    trainer = Trainer(
        model=lm.model,
        args=arguments,
        train_dataset=[example(row) for row in rows],
        data_collator=lambda examples: collate(examples, lm.chat.pad_id),
        compute_loss_func=loss,
        callbacks=[checkpointer(), _progress()],
    )
    # Both print logs on standard output, which is for results.
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def optimiser_steps(rows: int, tuning: Tuning) -> int:
    """Return the number of optimiser steps: ceil(rows / batch size) an epoch."""
    per_epoch = -(-rows // tuning.batch_size)
    return max(1, math.ceil(tuning.epochs * per_epoch))


def warmup_steps(steps: int, tuning: Tuning) -> int:
    """Return the number of steps with a rising rate: never all, since the first has rate 0."""
    return min(math.ceil(tuning.warmup * steps), steps - 1)


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
        warmup_steps=warmup_steps(steps, tuning),
        weight_decay=tuning.weight_decay,
        bf16=kind == torch.bfloat16,
        fp16=kind == torch.float16,
        use_cpu=lm.device.type == "cpu",
        seed=seed,
        save_strategy="no",  # the checkpointer decides
        save_total_limit=KEPT,
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


def example(row: Encoded) -> dict[str, list[int]]:
    """Only the last response is learned: the context, earlier answers included, is not."""
    return {
        "input_ids": [*row.prompt, *row.response],
        "labels": [IGNORED] * len(row.prompt) + row.response,
    }


def collate(examples: Sequence[Mapping[str, list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Pad on the right; all three tensors are int64 of shape (rows, longest)."""
    ids = [example["input_ids"] for example in examples]
    return {
        "input_ids": padded(ids, pad),
        "labels": padded([example["labels"] for example in examples], IGNORED),
        "attention_mask": attention_mask(ids),
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


def _check_loss(loss: torch.Tensor, step: int, arguments: TrainingArguments) -> None:
    """Refuse a loss that is no number; before the first step the model itself is to blame."""
    value = float(loss.detach())
    if math.isfinite(value):
        return
    if step == 1:
        raise SettingsError(
            f"tuning: the loss is {value} at step 1, before anything was learned: the model gives "
            "no numbers in this `dtype` (try float32), or its weights are damaged; "
            "`tuning.learning_rate` played no part yet"
        )
    raise _diverged(f"the loss is {value} at step {step} of {arguments.max_steps}", arguments)


def _check_weights(model: Any, arguments: TrainingArguments) -> None:
    """Refuse learned weights that are no numbers; the last step has no loss after it."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and not weight.detach().isfinite().all():
            what = f"{name} is not finite after step {arguments.max_steps}, the last"
            raise _diverged(what, arguments)


def _diverged(what: str, arguments: TrainingArguments) -> SettingsError:
    return SettingsError(
        f"tuning diverged: {what}; lower `tuning.learning_rate` (it is {arguments.learning_rate:g})"
    )


def _progress() -> TrainerCallback:
    """Make the callback that shows a bar on standard error, unless the run is quiet."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class TuningBar(TrainerCallback):  # type: ignore[misc]
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

    return TuningBar()

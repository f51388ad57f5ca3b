"""One training of a causal language model on responses, by transformers' own trainer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import SettingsError
from mods.progress import bar
from mods.spending import loading, spending, spent
from mods_plugins.hf.batching import CPU_TOKENS
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat.format import Encoded
from mods_plugins.hf.chat.turns import Span, learned_tokens
from mods_plugins.hf.heads import only_at
from mods_plugins.hf.loading import quiet
from mods_plugins.hf.padding import attention_mask, padded
from mods_plugins.hf.tuning.checkpoints import checkpointer, last_checkpoint
from mods_plugins.hf.tuning.steps import epoch_steps, share_out, split_steps

if TYPE_CHECKING:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from mods.settings.options import Tuning

logger = logging.getLogger(__name__)

IGNORED = -100
"""The label of a token that is not learned, as torch's losses know it."""
NOTHING: Mapping[str, Any] = {"input_ids": [0, 0], "labels": [IGNORED, IGNORED]}
"""Fills a micro-batch without a row: nothing of it is learned."""
KEPT = 2
"""Checkpoints on the disk: the newest, and the one before should a kill leave that unfinished."""


def fit(
    lm: CausalLM,
    rows: Sequence[Encoded],
    tuning: Tuning,
    *,
    folder: Path,
    seed: int,
    micro: int,
    devices: int = 1,
) -> None:
    """Tune `lm` on the responses of `rows`, in place; it is ready to answer afterwards.

    `folder` keeps checkpoints; training goes on from the last whole one there, to the same
    weights. `micro` rows of the greatest length go through the model at once, or more shorter ones.
    With several `devices` each calls this in a process of its own (see `together`), and takes its
    share of every step.
    Raises the out-of-memory error of torch if they do not fit, `SettingsError` if the tuning
    diverges.
    """
    from transformers import set_seed

    kind = lm.model.dtype
    set_seed(seed)  # the adapter starts from random weights
    batches = micro_batches(rows, tuning, seed, tokens_at_once(rows, micro, lm.device), devices)
    with loading():
        # Full tuning holds float32 weights: a step of 2e-5 is lost in the rounding of bfloat16.
        lm.model = _with_adapter(lm.model, tuning) if tuning.method == "lora" else lm.model.float()
        arguments = _arguments(lm, len(rows), len(batches) // devices, tuning, folder, seed, kind)
    if tuning.gradient_checkpointing:
        with quiet():  # the name of this method is about to change
            kwargs = {"use_reentrant": False}
            lm.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=kwargs)
    last = last_checkpoint(folder)
    loss = ResponseLoss(tuning, arguments.max_steps)
    with quiet():
        trainer = _trainer(lm, rows, arguments, loss, batches)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    if tuning.method == "full":
        lm.model = lm.model.to(kind)
    check_weights(lm.model, loss)
    if tuning.gradient_checkpointing:
        with quiet():
            lm.model.gradient_checkpointing_disable()
    lm.model.config.use_cache = True
    lm.model.eval()
    with spending():  # a check, no part of the pace of tuning
        finite = math.isfinite(lm.mean_losses(rows[:1])[0])
    if not finite:
        raise loss.diverged("the tuned model gives no finite loss")


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


def _trainer(
    lm: CausalLM,
    rows: Sequence[Encoded],
    arguments: TrainingArguments,
    loss: ResponseLoss,
    batches: Sequence[list[int]],
) -> Trainer:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    trainer: Trainer = _weighted_trainer(loss, batches)(
        model=lm.model,
        args=arguments,
        train_dataset=[*map(example, rows), NOTHING],
        data_collator=lambda examples: collate(examples, lm.pad_id),
        compute_loss_func=loss,
        callbacks=[checkpointer(), _progress()],
    )
    # Both print logs on standard output, which is for results.
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def micro_batches(
    rows: Sequence[Encoded], tuning: Tuning, seed: int, tokens: int, devices: int = 1
) -> list[list[int]]:
    """Return the micro-batches of a whole training, as many for every step.

    They are lists of places in `rows`; one past the last row stands for `NOTHING`. `tokens` are the
    most that one comes to.
    """
    if tuning.steps:
        steps = share_out([*map(learned_tokens, rows)], tuning.epochs, tuning.steps, seed)
    else:
        steps = epoch_steps(len(rows), tuning.batch_size, tuning.updates(len(rows)), seed)
    sizes = [row.size for row in rows]
    return split_steps(steps, sizes, tokens, nothing=len(rows), devices=devices)


def tokens_at_once(rows: Sequence[Encoded], micro: int, device: torch.device) -> int:
    """Return how many tokens `micro` rows of the greatest length come to; fewer suit a CPU."""
    tokens = micro * max(row.size for row in rows)
    return min(tokens, CPU_TOKENS) if device.type == "cpu" else tokens


def _arguments(
    lm: CausalLM,
    rows: int,
    batches: int,
    tuning: Tuning,
    folder: Path,
    seed: int,
    kind: torch.dtype,
) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    steps = tuning.updates(rows)
    arguments = TrainingArguments(
        output_dir=str(folder),
        gradient_accumulation_steps=batches // steps,
        max_steps=steps,
        learning_rate=tuning.learning_rate,
        lr_scheduler_type="cosine",
        # The last step always learns, so a run of one step does.
        warmup_steps=min(math.ceil(tuning.warmup * steps), steps - 1),
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
        ddp_find_unused_parameters=False,
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


def example(row: Encoded) -> dict[str, Any]:
    """The last response is learned, and what is marked in the context; all else is not.

    `weights` say how much each token counts, where one counts other than 1.
    """
    ids = [*row.prompt, *row.response]
    labels, weights = [IGNORED] * len(ids), [0.0] * len(ids)
    for start, stop, weight in (*row.earlier, Span(len(row.prompt), len(ids), row.weight)):
        if weight:
            labels[start:stop] = ids[start:stop]
            weights[start:stop] = [weight] * (stop - start)
    found: dict[str, Any] = {"input_ids": ids, "labels": labels}
    return found if set(weights) <= {0.0, 1.0} else {**found, "weights": weights}


def collate(examples: Sequence[Mapping[str, Any]], pad: int) -> dict[str, torch.Tensor]:
    """Pad on the right; tensors are int64 of shape (rows, longest), `weights` float32."""
    import torch

    ids = [example["input_ids"] for example in examples]
    batch = {
        "input_ids": padded(ids, pad),
        "labels": padded([example["labels"] for example in examples], IGNORED),
        "attention_mask": attention_mask(ids),
    }
    if any("weights" in example for example in examples):
        weights = torch.ones(batch["labels"].shape)
        for at, example in enumerate(examples):
            given = example.get("weights", [])
            weights[at, : len(given)] = torch.tensor(given)
        batch["weights"] = weights
    return batch


class ResponseLoss:
    """The loss of the learned tokens over their number in the whole global batch.

    Each token of a global batch weighs the same, however it is split into micro-batches, times
    the weight of its turn. A loss that is not finite ends the tuning with a `SettingsError`.
    """

    def __init__(self, tuning: Tuning, steps: int) -> None:
        self.tuning, self.steps = tuning, steps
        self.step = 1
        self.only_learned = False
        """Whether the logits at hand are those of the learned tokens alone; see `only_at`."""
        self.weights: torch.Tensor | None = None
        """Of the micro-batch at hand: how much each token counts; None if all count 1."""

    def __call__(
        self,
        outputs: Any,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss of a micro-batch."""
        import torch

        learned = predicting(labels)
        logits = outputs.logits[0] if self.only_learned else outputs.logits[learned]
        logits, goal = logits.float(), labels[:, 1:][learned[:, :-1]].to(logits.device)
        if self.weights is None:
            total = torch.nn.functional.cross_entropy(logits, goal, reduction="sum")
        else:
            each = torch.nn.functional.cross_entropy(logits, goal, reduction="none")
            weights = self.weights[:, 1:][learned[:, :-1]]
            total = (each * weights.to(logits.device)).sum()
        if not torch.isfinite(total):
            raise self.diverged(f"the loss is {total.item()}")
        return total / (learned.sum() if num_items_in_batch is None else num_items_in_batch)

    def diverged(self, what: str) -> SettingsError:
        """Return the error that says so."""
        return SettingsError(
            f"tuning diverged at step {self.step} of {self.steps}: {what}; lower "
            f"`tuning.learning_rate` ({self.tuning.learning_rate:g} now), raise `tuning.warmup`, "
            "or use `dtype` float32"
        )


def predicting(labels: torch.Tensor) -> torch.Tensor:
    """Return where a token is predicted that is learned: bool, of the shape (rows, tokens)."""
    import torch

    return torch.nn.functional.pad(labels[:, 1:] != IGNORED, (0, 1))


def check_weights(model: Any, loss: ResponseLoss) -> None:
    """Raise the error of a tuning that diverged if a weight that was tuned is not finite."""
    import torch

    for name, weight in model.named_parameters():
        if weight.requires_grad and not torch.isfinite(weight).all():
            raise loss.diverged(f"the weights of {name} are not finite")


def _weighted_trainer(loss: ResponseLoss, batches: Sequence[list[int]]) -> Any:
    """Make the class of a trainer that tells the loss how much each token counts.

    `batches` are the micro-batches of the whole training.
    """
    from torch.utils.data import DataLoader
    from transformers import Trainer

    class Weighted(Trainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:
            loader: Any = DataLoader(
                self.train_dataset, batch_sampler=batches, collate_fn=self.data_collator
            )
            return self.accelerator.prepare(loader)

        def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **named: Any) -> Any:
            loss.weights, loss.step = inputs.pop("weights", None), self.state.global_step + 1
            learned = predicting(inputs["labels"])
            with only_at(self.accelerator.unwrap_model(model), learned) as loss.only_learned:
                computed = super().compute_loss(model, inputs, *arguments, **named)
            if learned.any():  # else it is `NOTHING`
                spent(int(inputs["attention_mask"].sum()), str(self.args.device))
            return computed

    return Weighted


def _progress() -> TrainerCallback:
    """Make the callback that shows a bar on standard error, unless the run is quiet."""
    from transformers import TrainerCallback

    class TuningBar(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            steps, done = state.max_steps, state.global_step
            shown = logger.getEffectiveLevel() <= logging.INFO
            self.bar = bar("tuning", steps, done=done, unit="steps", shown=shown)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.update(state.global_step - self.bar.n)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.close()

    return TuningBar()

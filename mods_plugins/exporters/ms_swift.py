"""Rows and configuration for ms-swift. Registers the exporter `ms-swift`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mods import Message, Record, hookimpl
from mods_plugins.exporters.parts import (
    OfTuning,
    arguments_of,
    check_results,
    learned,
    media_columns,
    refuse_odd,
    with_tools,
)
from mods_plugins.thoughts import block

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported


class MsSwift(OfTuning):
    """Messages with `loss` at every answer, calls and results as turns, and `ms_swift.yaml`.

    Reasoning stands before the answer in a block of `<think>`, as ms-swift has it.
    """

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record."""
        refuse_odd(record)
        check_results(record)
        learns = learned(record, self.turns)
        messages = [
            message
            for turn, own in zip(record.messages, learns, strict=True)
            for message in as_messages(turn, own)
        ]
        return {"messages": messages, **with_tools(record), **media_columns(record)}

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return `ms_swift.yaml`, to be called in the folder of the export."""
        tuning = self.tuning
        accumulation = max(1, tuning.batch_size // tuning.micro_batch)
        lora = (
            f"lora_rank: {tuning.lora_rank}\n"
            f"lora_alpha: {tuning.lora_alpha}\n"
            f"lora_dropout: {tuning.lora_dropout}\n"
            "target_modules: all-linear\n"
        )
        config = (
            "# the config of `swift sft`, to be called in this folder\n"
            f"model: {json.dumps(self.model)}\n"
            f"dataset: {json.dumps(exported.data)}\n"
            f"tuner_type: {tuning.method}\n"
            f"{lora if tuning.method == 'lora' else ''}"
            f"max_length: {tuning.max_length}\n"
            "truncation_strategy: right\n"
            "split_dataset_ratio: 0\n"
            f"num_train_epochs: {tuning.epochs}\n"
            f"learning_rate: {tuning.learning_rate}\n"
            f"warmup_ratio: {tuning.warmup}\n"
            f"weight_decay: {tuning.weight_decay}\n"
            f"per_device_train_batch_size: {tuning.micro_batch}\n"
            f"gradient_accumulation_steps: {accumulation}\n"
            "lr_scheduler_type: cosine\n"
            "output_dir: tuned\n"
        )
        return {"ms_swift.yaml": config}


def as_messages(turn: Message, learns: bool) -> list[dict[str, Any]]:
    """Return the messages of a turn: its text, then one for every call."""
    if turn.role == "tool":
        named = {"name": turn.name} if turn.name else {}
        return [{"role": "tool_response", "content": turn.content, **named}]
    if turn.role != "assistant":
        return [{"role": turn.role, "content": turn.content}]
    text = (block(turn.reasoning) if turn.reasoning else "") + turn.content
    calls = [{"name": c.name, "arguments": arguments_of(c.arguments)} for c in turn.tool_calls]
    found = [{"role": "assistant", "content": text, "loss": learns}] if text or not calls else []
    return found + [
        {"role": "tool_call", "content": json.dumps(call, ensure_ascii=False), "loss": learns}
        for call in calls
    ]


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `ms-swift`."""
    register("ms-swift", MsSwift)

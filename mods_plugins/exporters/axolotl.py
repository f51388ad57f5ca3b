"""Rows and configuration for axolotl (`type: chat_template`). Registers the exporter `axolotl`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mods import Record, hookimpl
from mods_plugins.exporters.messages import as_message
from mods_plugins.exporters.parts import (
    OfTuning,
    arguments_of,
    learned,
    refuse_media,
    refuse_odd,
    with_tools,
)

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported


class Axolotl(OfTuning):
    """Messages with `train` at every turn, tools as JSON text, and `axolotl.yaml`."""

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record; arguments stay JSON text, which axolotl parses."""
        refuse_media(record)
        refuse_odd(record)
        messages = []
        for turn, learns in zip(record.messages, learned(record, self.turns), strict=True):
            for call in turn.tool_calls:
                arguments_of(call.arguments)
            messages.append({**as_message(turn._replace(weight=None)), "train": learns})
        return {"messages": messages, **with_tools(record)}

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return `axolotl.yaml`, to be called in the folder of the export."""
        tuning = self.tuning
        accumulation = max(1, tuning.batch_size // tuning.micro_batch)
        lora = (
            "adapter: lora\n"
            f"lora_r: {tuning.lora_rank}\n"
            f"lora_alpha: {tuning.lora_alpha}\n"
            f"lora_dropout: {tuning.lora_dropout}\n"
            "lora_target_linear: true\n"
        )
        config = (
            "# axolotl train axolotl.yaml, in this folder\n"
            f"base_model: {json.dumps(self.model)}\n"
            "datasets:\n"
            f"  - path: {json.dumps(exported.data)}\n"
            "    ds_type: json\n"
            "    type: chat_template\n"
            "    chat_template: tokenizer_default\n"
            "    field_messages: messages\n"
            "    field_tools: tools\n"
            "    roles_to_train: []\n"
            "    message_field_training: train\n"
            "    train_on_eos: turn\n"
            f"sequence_len: {tuning.max_length}\n"
            f"num_epochs: {tuning.epochs}\n"
            f"learning_rate: {tuning.learning_rate}\n"
            f"warmup_ratio: {tuning.warmup}\n"
            f"weight_decay: {tuning.weight_decay}\n"
            f"micro_batch_size: {tuning.micro_batch}\n"
            f"gradient_accumulation_steps: {accumulation}\n"
            "optimizer: adamw_torch\n"
            "lr_scheduler: cosine\n"
            "output_dir: ./tuned\n"
        )
        return {"axolotl.yaml": config + (lora if tuning.method == "lora" else "")}


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `axolotl`."""
    register("axolotl", Axolotl)

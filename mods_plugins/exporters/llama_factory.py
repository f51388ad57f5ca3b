"""Rows and configuration for LLaMA-Factory. Registers the exporter `llama-factory`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mods import Message, Record, hookimpl
from mods.settings.options import Tuning
from mods_plugins.exporters.parts import (
    PLURAL,
    OfTuning,
    Refusal,
    arguments_of,
    check_results,
    learned,
    media_columns,
    refuse_odd,
    refuse_passed_over,
    tools_text,
)
from mods_plugins.thoughts import block

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported

ASKED, ANSWERED = ("human", "observation"), ("gpt", "function_call")


class LlamaFactory(OfTuning):
    """ShareGPT rows with `system` and `tools`; `dataset_info.json` and `llama_factory.yaml`.

    Reasoning stands before the answer in a block of `<think>`, where LLaMA-Factory looks for it.
    """

    def __init__(
        self, tuning: Tuning | None = None, turns: str | None = None, model: str = "MODEL",
        template: str = "TEMPLATE",
    ) -> None:  # fmt: skip
        super().__init__(tuning, turns, model)
        self.template = template

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record."""
        refuse_odd(record)
        check_results(record)
        learns = learned(record, self.turns)
        answers = [turn.role == "assistant" for turn in record.messages]
        refuse_passed_over(learns, answers, self.turns)
        turns = list(record.messages)
        system = turns.pop(0).content if turns[0].role == "system" else ""
        conversations = [as_turn(turn) for turn in turns]
        for at, turn in enumerate(conversations):
            if turn["from"] not in (ASKED, ANSWERED)[at % 2]:
                raise Refusal("question and answer do not follow each other, one turn each")
        return {
            "conversations": conversations,
            "system": system,
            "tools": tools_text(record),
            **media_columns(record),
        }

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return the entry of the data set and the configuration of the training."""
        columns = {"messages": "conversations", "system": "system", "tools": "tools"}
        columns |= {name: name for name in PLURAL.values() if name in exported.columns}
        entry = {"file_name": exported.data, "formatting": "sharegpt", "columns": columns}
        info = json.dumps({exported.name: entry}, indent=2, ensure_ascii=False)
        return {"dataset_info.json": f"{info}\n", "llama_factory.yaml": self.config(exported)}

    def config(self, exported: Exported) -> str:
        """Return `llama_factory.yaml`, to be called in the folder of the export."""
        tuning = self.tuning
        accumulation = max(1, tuning.batch_size // tuning.micro_batch)
        lora = (
            f"lora_rank: {tuning.lora_rank}\n"
            f"lora_alpha: {tuning.lora_alpha}\n"
            f"lora_dropout: {tuning.lora_dropout}\n"
        )
        return (
            "# llamafactory-cli train llama_factory.yaml, in this folder\n"
            f"model_name_or_path: {json.dumps(self.model)}\n"
            f"template: {json.dumps(self.template)}\n"
            "stage: sft\n"
            "do_train: true\n"
            f"finetuning_type: {tuning.method}\n"
            f"{lora if tuning.method == 'lora' else ''}"
            "dataset_dir: .\n"
            f"dataset: {json.dumps(exported.name)}\n"
            f"mask_history: {json.dumps(self.turns == 'last')}\n"
            f"cutoff_len: {tuning.max_length}\n"
            f"num_train_epochs: {tuning.epochs}\n"
            f"learning_rate: {tuning.learning_rate}\n"
            f"warmup_ratio: {tuning.warmup}\n"
            f"weight_decay: {tuning.weight_decay}\n"
            f"per_device_train_batch_size: {tuning.micro_batch}\n"
            f"gradient_accumulation_steps: {accumulation}\n"
            "lr_scheduler_type: cosine\n"
            "output_dir: tuned\n"
        )


def as_turn(turn: Message) -> dict[str, str]:
    """Return a turn of ShareGPT."""
    thoughts = block(turn.reasoning) if turn.reasoning else ""
    if not turn.tool_calls:
        names = {"user": "human", "assistant": "gpt", "tool": "observation"}
        if turn.role not in names:
            raise Refusal(f"a turn of the {turn.role} is not the first")
        return {"from": names[turn.role], "value": thoughts + turn.content}
    if turn.content.strip():
        raise Refusal("a turn has both a text and calls of tools")
    calls = [{"name": c.name, "arguments": arguments_of(c.arguments)} for c in turn.tool_calls]
    value = json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)
    return {"from": "function_call", "value": thoughts + value}


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `llama-factory`."""
    register("llama-factory", LlamaFactory)

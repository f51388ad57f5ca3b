"""Rows and a script for TRL's `SFTTrainer`. Registers the exporter `trl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mods import Record, SettingsError, Unscorable, hookimpl
from mods.settings.options import Tuning
from mods_plugins.exporters.parts import (
    Refusal,
    arguments_of,
    each,
    learned,
    refuse_media,
    refuse_odd,
    refuse_passed_over,
    tools_text,
    turns_of,
)
from mods_plugins.hf.chat.forms import as_message
from mods_plugins.hf.chat.templates import template_arguments, template_identity
from mods_plugins.hf.chat.turns import learned_tokens
from mods_plugins.thoughts import told_apart

if TYPE_CHECKING:
    from mods.interfaces import Register
    from mods.interfaces.exports import Exported
    from mods_plugins.hf.chat.format import ChatFormat, Encoded

HASH = "sha256:"
"""How a manifest names a template."""
LORA = """peft_config=LoraConfig(
        r={rank}, lora_alpha={alpha}, lora_dropout={dropout}, target_modules="all-linear"
    ),"""
SCRIPT = '''"""Tunes a model with TRL on the rows beside this file: python train.py MODEL"""

import sys
from pathlib import Path

from datasets import {features_import}load_dataset
{peft_import}from trl import SFTConfig, SFTTrainer

rows = load_dataset(
    "json", data_files=str(Path(__file__).with_name("{data}")), split="train",{features}
)
arguments = SFTConfig(
    output_dir="tuned", {loss}, max_length={max_length}, num_train_epochs={epochs},
    learning_rate={learning_rate}, warmup_steps={warmup}, weight_decay={weight_decay},
    per_device_train_batch_size={micro_batch}, gradient_accumulation_steps={accumulation},
)
trainer = SFTTrainer(
    sys.argv[1], args=arguments, train_dataset=rows,{peft}
)
if __name__ == "__main__":
    trainer.train()
'''


class Trl:
    """What the run's tuning learns, as TRL takes it, and `train.py`.

    With turns=last, `prompt` and `completion`, of which TRL learns the completion; with turns=all,
    `messages`, of which it learns the answers, where it knows how the chat template marks them.
    `tools` is JSON text; `chat_template_kwargs` are the variables of the template. What the
    template of the model does not show, TRL does not learn: see `TrlTokens`.
    """

    def __init__(self, tuning: Tuning, turns: str) -> None:
        self.tuning, self.turns = tuning, turns_of(turns, tuning)

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return one row per record."""
        return each(records, self.row)

    def row(self, record: Record) -> dict[str, Any]:
        """Write one record, its turns as the templates of mods are given them."""
        refuse_media(record)
        refuse_odd(record)
        learns = learned(record, self.turns)
        turns = [told_apart(turn) for turn in record.messages]
        refuse_passed_over(learns, [turn.role == "assistant" for turn in turns], self.turns)
        if len(turns) == 1:
            raise Refusal("nothing is asked: there is no turn before the reply")
        for turn in turns:
            for call in turn.tool_calls:
                arguments_of(call.arguments)
        messages = [as_message(turn) for turn in turns]
        row: dict[str, Any] = (
            {"messages": messages}
            if self.turns == "all"
            else {"prompt": messages[:-1], "completion": messages[-1:]}
        )
        row["tools"] = tools_text(record) or None
        thinks = {"enable_thinking": True} if turns[-1].reasoning else {}
        row["chat_template_kwargs"] = {
            "enable_thinking": False, **self.tuning.template_kwargs, **thinks
        }  # fmt: skip
        return row

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return `train.py`."""
        names = ("messages",) if self.turns == "all" else ("prompt", "completion")
        columns = ", ".join(f'"{name}": List(Json())' for name in names)
        loss = "assistant_only_loss" if self.turns == "all" else "completion_only_loss"
        return {
            "train.py": script(
                self.tuning,
                exported,
                loss=f"{loss}=True",
                features_import="Features, Json, List, Value, ",
                # Without it, keys that other rows have would be filled in with nothing.
                features=f"\n    features=Features({{\n        {columns},\n"
                '        "tools": Value("string"), "chat_template_kwargs": Json(),\n    }),',
            )
        }


class TrlTokens:
    """The very tokens that the run's tuning reads and learns, with `train.py`.

    `input_ids` and `labels` as the tokenizer and the template of `model` make them, plainer forms,
    thoughts, cuts and weights included; TRL takes them as they are.
    """

    def __init__(self, tuning: Tuning, turns: str, model: str, template: str | None) -> None:
        self.tuning, self.turns = tuning, turns_of(turns, tuning)
        self.model, self.template = model, template_of(tuning, template)

    @cached_property
    def chat(self) -> ChatFormat:
        """The tokenizer with its template."""
        from mods_plugins.hf.chat.format import ChatFormat
        from mods_plugins.hf.loading import load_tokenizer

        arguments = template_arguments(self.tuning.template_kwargs)
        return ChatFormat(load_tokenizer(self.model), self.template, arguments)

    @cached_property
    def longest(self) -> int:
        """The most tokens of a row."""
        from mods_plugins.hf.loading import load_config
        from mods_plugins.hf.tokens import position_limit

        return min(self.tuning.max_length, position_limit(load_config(self.model)))

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return `input_ids` and `labels`, of which -100 is not learned."""
        encoded = self.chat.encode_each(records, self.longest, all_turns=self.turns == "all")
        pairs = iter(zip(records, encoded, strict=True))
        return each(records, lambda _: tokens_of(*next(pairs)))

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return `train.py`."""
        return {"train.py": script(self.tuning, exported, loss="completion_only_loss=False")}


def tokens_of(record: Record, row: Encoded | Unscorable) -> dict[str, Any]:
    """Return what tuning reads of a record; refuse what labels cannot say."""
    from mods_plugins.hf.tuning.training import example

    refuse_media(record)
    if isinstance(row, Unscorable):
        raise Refusal(row.reason)
    if not learned_tokens(row):
        raise Refusal("nothing would be learned from it")
    found = example(row)
    if "weights" in found:
        raise Refusal("a turn has a weight other than 0 and 1: tokens are learned or not")
    return found


def template_of(tuning: Tuning, template: str | None) -> str | None:
    """Return the template of the run; `SettingsError` where only its hash is known, or differs."""
    asked = tuning.template
    if asked is None or not asked.startswith(HASH):
        return template if template is not None else asked
    if template is None:
        raise SettingsError(
            f"the run was tuned with the template {asked}: give it as template=FILE"
        )
    if HASH + template_identity(template) != asked:
        raise SettingsError(f"template={template!r} is not the template of the run ({asked})")
    return template


def script(
    tuning: Tuning, exported: Exported, *, loss: str, features: str = "", features_import: str = ""
) -> str:
    """Return `train.py`: how the run tunes, in TRL's words."""
    lora = LORA.format(rank=tuning.lora_rank, alpha=tuning.lora_alpha, dropout=tuning.lora_dropout)
    return SCRIPT.format(
        data=exported.data,
        features=features,
        features_import=features_import,
        loss=loss,
        max_length=tuning.max_length,
        epochs=tuning.epochs,
        learning_rate=tuning.learning_rate,
        warmup=tuning.warmup,
        weight_decay=tuning.weight_decay,
        micro_batch=tuning.micro_batch,
        accumulation=max(1, tuning.batch_size // tuning.micro_batch),
        peft=f"\n    {lora}" if tuning.method == "lora" else "",
        peft_import="from peft import LoraConfig\n" if tuning.method == "lora" else "",
    )


def trl(
    tuning: Tuning | None = None,
    turns: str | None = None,
    model: str | None = None,
    template: str | None = None,
) -> Trl | TrlTokens:
    """Make the exporter: conversations, or with `model` the very tokens of the run's tuning."""
    tuning = tuning or Tuning()
    turns = turns or tuning.turns
    if model is None and template is not None:
        raise SettingsError("template= goes with model=: without a model, TRL renders the rows")
    return Trl(tuning, turns) if model is None else TrlTokens(tuning, turns, model, template)


@hookimpl
def register_exporters(register: Register) -> None:
    """Register `trl`."""
    register("trl", trl)

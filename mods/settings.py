"""The settings of tuning and generation, shared by the pipeline and the model back ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tuning:
    """How the given model is tuned on the seeds (MoDS, section 3.4: 3 epochs, batch 128, 2e-5)."""

    method: Literal["lora", "full"] = "lora"
    epochs: float = 3.0
    learning_rate: float = 2e-4
    """Peak rate of AdamW; 2e-4 suits LoRA, 2e-5 is the paper's for full tuning."""
    warmup: float = 0.03
    """Share of the steps with a rising rate, in [0, 1)."""
    weight_decay: float = 0.0
    batch_size: int = 128
    """Rows per optimiser step; accumulation is computed from it."""
    micro_batch: int = 8
    """Rows per forward pass; halved when memory runs out."""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    max_length: int = 2048
    """Tokens per row; a longer row keeps its whole prompt and loses the end of the response."""
    template: str | None = None
    """A Jinja chat template, or a file that holds one; by default the model's own."""


@dataclass(frozen=True)
class Generation:
    """How the tuned model answers."""

    max_new_tokens: int = 512
    batch_size: int = 16
    temperature: float = 0.0
    """0 is greedy decoding, which is what makes a selection reproducible."""
    max_prompt_tokens: int = 2048
    """A longer prompt loses its oldest turns, never the end of the last one."""

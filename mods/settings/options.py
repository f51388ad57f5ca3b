"""The settings of tuning and generation, which trainers and generators may ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt


@dataclass(frozen=True)
class Tuning:
    """How the given model is tuned on the seeds.

    The paper tunes in full: 3 epochs, global batch 128, learning rate 2e-5, warm-up 0.03.
    """

    method: Literal["lora", "full"] = "lora"
    epochs: Annotated[float, Gt(0)] = 3.0
    steps: Annotated[int, Gt(0)] | None = None
    """Optimiser steps; None: as many as `epochs` and `batch_size` come to. With it the rows of all
    epochs are shared out among so many steps, each with about as many learned tokens."""
    learning_rate: Annotated[float, Gt(0)] = 2e-4
    """Peak rate of AdamW; 2e-4 suits LoRA, 2e-5 is the paper's for full tuning."""
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.03
    """Share of the steps with a rising rate."""
    weight_decay: Annotated[float, Ge(0)] = 0.0
    batch_size: Annotated[int, Gt(0)] = 128
    """Rows per optimiser step, unless `steps` is set; accumulation is computed from it."""
    micro_batch: Annotated[int, Gt(0)] = 8
    """Rows of the greatest length per forward pass, or more shorter ones; halved when memory runs
    out, and fewer on a CPU, which they do not make faster."""
    gradient_checkpointing: bool = False
    """Compute states again instead of keeping them: a third more work for much less memory."""
    lora_rank: Annotated[int, Gt(0)] = 16
    lora_alpha: Annotated[int, Gt(0)] = 32
    lora_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    max_length: Annotated[int, Gt(1)] = 2048
    """Tokens per row; a longer row keeps its whole prompt and loses the end of the response."""
    template: str | None = None
    """A Jinja chat template, or a file that holds one; by default the model's own."""
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the template, such as `enable_thinking` (false unless it is set)."""
    turns: Literal["last", "all"] = "last"
    """Which answers of a conversation are learned; a row's weights count in both cases."""

    def updates(self, rows: int) -> int:
        """Return the optimiser steps on so many rows: `steps`, or ceil(rows / batch) an epoch."""
        per_epoch = -(-rows // self.batch_size)
        return self.steps or max(1, math.ceil(self.epochs * per_epoch))


@dataclass(frozen=True)
class Generation:
    """How the tuned model answers."""

    max_new_tokens: Annotated[int, Gt(0)] = 512
    batch_size: Annotated[int, Gt(0)] = 32
    """Conversations answered at once; halved when memory runs out."""
    temperature: Annotated[float, Ge(0)] = 0.0
    """0 is greedy decoding, which is what makes a selection reproducible."""
    max_prompt_tokens: Annotated[int, Gt(0)] = 2048
    """A longer prompt loses its oldest turns, never the end of the last one."""
    beams: Annotated[int, Gt(0)] = 1
    """Beams of the search for an answer; 1 takes the likeliest token each time."""

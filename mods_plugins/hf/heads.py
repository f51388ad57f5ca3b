"""The output layer of a language model: computed only where a token is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextmanager
def only_at(model: Any, wanted: torch.Tensor) -> Iterator[bool]:
    """Have the logits of a causal model computed at the positions `wanted` alone.

    `wanted` is bool, of the shape of the token ids (rows, tokens). In here the model's logits have
    the shape (1, wanted positions, vocabulary), in the order of rows, where its output layer is a
    module of its own (then True is yielded); else they are those of all positions (False). The
    layer is often a quarter of the work of a small model, and most of the memory of a large
    vocabulary.
    """
    head = model.get_output_embeddings()
    if head is None:
        yield False
        return

    def keep(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        states, *others = inputs
        return (states[wanted.to(states.device)].unsqueeze(0), *others)

    hook = head.register_forward_pre_hook(keep)
    try:
        yield True
    finally:
        hook.remove()

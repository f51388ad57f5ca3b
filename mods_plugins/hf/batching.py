"""Batches for model work: length-sorted, smaller when memory runs out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Item = TypeVar("Item")
Output = TypeVar("Output")


def run_batched(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Sequence[Output]],
    *,
    batch_size: int,
    length: Callable[[Item], int],
) -> list[Output]:
    """Apply `work` to batches of items of similar length, longest first.

    When the device runs out of memory the batch is halved and tried again, and the smaller size
    is kept for the rest of the call. Returns one output per item, in the order of `items`.
    Raises the out-of-memory error itself when a single item does not fit.
    """
    order = sorted(range(len(items)), key=lambda i: (-length(items[i]), i))
    outputs: dict[int, Output] = {}
    start = 0
    while start < len(order):
        batch = order[start : start + batch_size]
        results = _unless_out_of_memory(work, [items[i] for i in batch])
        if results is None:
            # Only now: the error's traceback kept the tensors of the batch alive.
            free_device_memory()
            batch_size = (len(batch) + 1) // 2
            warnings.warn(f"out of memory: batches of {batch_size} from here", stacklevel=2)
            continue
        if len(results) != len(batch):
            raise ValueError(f"{len(results)} results for a batch of {len(batch)}")
        outputs.update(zip(batch, results, strict=True))
        start += len(batch)
    return [outputs[i] for i in range(len(items))]


def stacked(vectors: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return vectors as one array of shape (n, d), float32; (0, 0) without any."""
    import numpy as np

    return np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)


def _unless_out_of_memory(
    work: Callable[[Sequence[Item]], Sequence[Output]], batch: Sequence[Item]
) -> Sequence[Output] | None:
    """Return the outputs of a batch, or None if memory ran out and the batch can be halved."""
    try:
        return work(batch)
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1 or not is_out_of_memory(error):
            raise
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error of torch or Python means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    return "out of memory" in str(error).lower() or "can't allocate memory" in str(error).lower()


def free_device_memory() -> None:
    """Give cached device memory back, so that the smaller batch finds room."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

"""Batches for model work: by tokens, of rows of similar length, smaller when memory runs out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from mods.errors import SettingsError
from mods.progress import early

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Item = TypeVar("Item")
Made = TypeVar("Made")
Output = TypeVar("Output")

CPU_TOKENS = 2048
"""Tokens at once on a CPU: enough for full speed, few enough that their states stay in its caches
(see `benchmarks/results/models-*.json`)."""
FIRST_TOKENS = 16_384
"""Tokens at once to begin with on another device; see `TokenBatches`."""
MOST_TOKENS = 262_144
"""More at once makes no device faster."""
PADDING = 0.05
"""The most of a batch that may be padding, unless it is small."""
SMALL = 1 / 8
"""Share of the tokens at once below which a batch is small: it may have more padding."""
PREPARED = 64
"""Items that are prepared at once, while those before them are computed."""
FIRST = 16
"""Items that are prepared first, while nothing is computed yet."""
SPARE = 0.5
"""Share of a device's memory that must be free for batches to grow."""


class TokenBatches:
    """Puts items through a network, so many tokens at once; what fits is found once and kept.

    `tokens` are the most, padding included, that a batch comes to, unless a single item has more;
    None begins with 2,048 on a CPU, and elsewhere with 16,384, doubled as long as half of the
    device's memory is left free, up to 262,144. When memory runs out the number is halved, and
    stays so. Items of a batch are of similar length: at most `padding` of it is padding (5 %),
    except in batches of less than the share `small` of the tokens (an eighth).
    """

    def __init__(
        self,
        tokens: int | None,
        device: torch.device,
        *,
        padding: float = PADDING,
        small: float = SMALL,
    ) -> None:
        if tokens is not None and tokens < 1:
            raise SettingsError(f"`batch_tokens` must be at least 1, not {tokens}")
        self._device, self._padding, self._small = device, padding, small
        self._grows = tokens is None and device.type == "cuda"
        self.tokens = tokens or (CPU_TOKENS if device.type == "cpu" else FIRST_TOKENS)

    def run(
        self,
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Sequence[Output]],
        *,
        length: Callable[[Item], int],
        most: int | None = None,
    ) -> list[Output]:
        """Apply `work` to batches of items, longest first; `length` is that of an item in tokens.

        A batch has at most `most` items, if given. Returns one output per item, in the order of
        `items`. Raises the out-of-memory error itself when a single item does not fit.
        """
        lengths = [max(1, length(item)) for item in items]
        order = sorted(range(len(items)), key=lambda at: (-lengths[at], at))
        descending = [lengths[at] for at in order]
        outputs: dict[int, Output] = {}
        start = 0
        while start < len(order):
            stop = end_of_batch(descending, start, self.tokens, self._padding, self._small)
            stop = min(stop, start + most) if most else stop
            batch = order[start:stop]
            results = _unless_out_of_memory(work, [items[at] for at in batch])
            if results is None:
                # Only now: the error's traceback kept the tensors of the batch alive.
                free_device_memory()
                self._shrink(descending[start], len(batch))
                continue
            if len(results) != len(batch):
                raise ValueError(f"{len(results)} results for a batch of {len(batch)}")
            outputs.update(zip(batch, results, strict=True))
            start = stop
            self._grow()
        return [outputs[at] for at in range(len(items))]

    def _shrink(self, longest: int, rows: int) -> None:
        self._grows = False
        self.tokens = longest * ((rows + 1) // 2)
        warnings.warn(f"out of memory: batches of {self.tokens} tokens from here", stacklevel=3)

    def _grow(self) -> None:
        if not self._grows or self.tokens >= MOST_TOKENS:
            return
        import torch

        free, whole = torch.cuda.mem_get_info(self._device)
        self._grows = free > SPARE * whole
        self.tokens *= 2 if self._grows else 1


def end_of_batch(
    lengths: Sequence[int],
    start: int,
    tokens: int,
    padding: float = PADDING,
    small: float = SMALL,
) -> int:
    """Return where the batch that begins at `start` ends; `lengths` are those of items, descending.

    It comes to at most `tokens`, padding included, or is a single item. At most the share `padding`
    of it is padding, unless it has less than the share `small` of the tokens.
    """
    longest, used = lengths[start], 0
    for stop in range(start, len(lengths)):
        used += lengths[stop]
        computed = longest * (stop + 1 - start)
        padded = computed > small * tokens and computed - used > padding * computed
        if stop > start and (computed > tokens or padded):
            return stop
    return len(lengths)


def ahead(
    prepare: Callable[[list[Item]], Output], items: Sequence[Item], length: Callable[[Item], int]
) -> Iterator[tuple[list[int], Output]]:
    """Yield the places of some items and `prepare` of them, longest first.

    A thread prepares the next ones meanwhile: so a tokenizer, which holds no lock of Python, makes
    rows ready while the device computes. `length` is about that of an item. What it notices counts
    as noticed here.
    """
    order = sorted(range(len(items)), key=lambda at: (-length(items[at]), at))
    starts = [0, *range(FIRST, len(order), PREPARED)]
    parts = [order[start:stop] for start, stop in pairwise([*starts, len(order)]) if start < stop]
    with ThreadPoolExecutor(1) as thread:

        def submit(part: list[int]) -> Future[Output]:
            return thread.submit(copy_context().run, prepare, [items[at] for at in part])

        coming = [submit(part) for part in parts[:1]]
        for number, part in enumerate(parts):
            coming += [submit(following) for following in parts[number + 1 : number + 2]]
            yield part, coming[number].result()


def computed_ahead(
    prepare: Callable[[list[Item]], list[Made]],
    compute: Callable[[list[int], list[Made]], Sequence[Output]],
    items: Sequence[Item],
    length: Callable[[Item], int],
) -> list[Output]:
    """Return what `compute` makes of the places of some items and `prepare` of them; see `ahead`.

    One a row of the plug-in's call, in order; a call that is interrupted keeps those it has.
    """
    found: dict[int, Output] = {}
    for places, prepared in ahead(prepare, items, length):
        for at, value in zip(places, compute(places, prepared), strict=True):
            found[at] = value
            early(at, value)
    return [found[at] for at in range(len(items))]


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

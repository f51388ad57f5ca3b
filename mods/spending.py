"""What plug-ins say a call took: tokens, loading, an accelerator. Called from within a plug-in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Spent:
    """What some calls of a plug-in took, as far as it says."""

    tokens: int = 0
    """Tokens that models read and wrote, padding left out."""
    loading: float = 0.0
    """Seconds of loading models: they do not grow with the rows."""
    accelerated: bool = False
    """Whether a model computed on an accelerator."""
    batches: list[tuple[float, int]] = field(default_factory=list)
    """When `spent` was called, by the monotonic clock, and with how many tokens."""

    @property
    def pace(self) -> float | None:
        """Seconds a token at full pace: from the first batch to the last; None with only one."""
        if len(self.batches) < 2:
            return None
        tokens = sum(number for _, number in self.batches[1:])
        seconds = self.batches[-1][0] - self.batches[0][0]
        return seconds / tokens if tokens else None


_spending: ContextVar[Spent | None] = ContextVar("spending", default=None)
_loading: ContextVar[bool] = ContextVar("loading", default=False)


def spent(tokens: int, device: str = "cpu") -> None:
    """Say, from within a plug-in, that a model has read or written so many tokens, and where.

    `device` is a name of torch. Call it once a batch, when the batch is done. It goes into the
    costs of a run (`mods costs`), and estimates are made from it.
    """
    told = _spending.get()
    if told is not None:
        told.tokens += tokens
        told.accelerated |= not device.startswith("cpu")
        told.batches.append((time.monotonic(), tokens))


@contextmanager
def loading() -> Iterator[None]:
    """Mark, in a plug-in, the time in which models are loaded: it does not grow with the rows."""
    told = _spending.get()
    if told is None or _loading.get():
        yield
        return
    token, start = _loading.set(True), time.monotonic()
    try:
        yield
    finally:
        told.loading += time.monotonic() - start
        _loading.reset(token)


@contextmanager
def spending() -> Iterator[Spent]:
    """Collect what plug-ins say they spend."""
    collected = Spent()
    token = _spending.set(collected)
    try:
        yield collected
    finally:
        _spending.reset(token)

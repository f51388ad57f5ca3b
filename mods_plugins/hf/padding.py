"""Padding: rows of token ids of different lengths as one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def padded(rows: Sequence[Sequence[int]], filler: int, *, left: bool = False) -> torch.Tensor:
    """Fill rows up to the longest: int64, shape (len(rows), longest row), on the CPU.

    Filled on the right, which is right for encoders and, with the mask, for decoders that are
    only read; on the left for decoders that go on writing.
    """
    import torch

    width = max(len(row) for row in rows)
    gaps = [[filler] * (width - len(row)) for row in rows]
    pairs = zip(gaps, rows, strict=True)
    filled = [[*gap, *row] if left else [*row, *gap] for gap, row in pairs]
    return torch.tensor(filled, dtype=torch.long)


def attention_mask(rows: Sequence[Sequence[int]], *, left: bool = False) -> torch.Tensor:
    """Return the mask of rows padded in the same way: 1 for tokens, 0 for padding."""
    return padded([[1] * len(row) for row in rows], 0, left=left)

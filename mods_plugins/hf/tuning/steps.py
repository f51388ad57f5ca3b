"""Rows shared out among a given number of optimiser steps, so that each learns as many tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def share_out(tokens: Sequence[int], epochs: float, steps: int, seed: int) -> list[list[int]]:
    """Return the rows of every step, as places in `tokens`, one list a step, none empty.

    `tokens` are those learned of each row, 1 or more. The rows come pass after pass, each pass in
    an order of its own, until their tokens are nearest to `epochs` times the tokens of all rows;
    more rows follow where they would be fewer than the steps. Then they are cut into steps of
    about as many tokens.
    """
    visits = _visits(np.asarray(tokens, dtype=np.int64), epochs, steps, seed)
    ends = np.cumsum(np.asarray(tokens, dtype=np.int64)[visits])
    middles = ends - np.asarray(tokens)[visits] / 2
    bounds = np.searchsorted(middles, np.arange(1, steps) * (ends[-1] / steps)).tolist()
    return [visits[start:stop].tolist() for start, stop in pairwise(_apart(bounds, len(visits)))]


def _visits(
    tokens: np.ndarray[tuple[int], np.dtype[np.int64]], epochs: float, steps: int, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows in the order in which they are learned."""
    wanted = float(epochs) * float(tokens.sum())
    passes = int(max(epochs, steps / len(tokens))) + 2
    orders = [np.random.default_rng([seed, n]).permutation(len(tokens)) for n in range(passes)]
    visits = np.concatenate(orders)
    ends = np.cumsum(tokens[visits])
    return visits[: max(steps, int(np.abs(ends - wanted).argmin()) + 1)]


def _apart(bounds: Sequence[int], size: int) -> list[int]:
    """Return where steps begin and end: every step has a row."""
    steps = len(bounds) + 1
    apart = [0]
    for number, bound in enumerate(bounds, 1):
        apart.append(min(max(bound, apart[-1] + 1), size - (steps - number)))
    return [*apart, size]


def split_steps(steps: Sequence[Sequence[int]], micro: int, *, nothing: int) -> list[list[int]]:
    """Split steps into micro-batches of at most `micro` rows, as many for every step.

    A step that has too few rows for that gets batches of `nothing`.
    """
    number = max(-(-len(rows) // micro) for rows in steps)
    batches: list[list[int]] = []
    for rows in steps:
        parts = [list(map(int, part)) for part in np.array_split(rows, number)]
        batches += [part or [nothing] for part in parts]
    return batches

"""Which rows are learned in which optimiser step, and which go through the model at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mods_plugins.hf.batching import end_of_batch


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


def epoch_steps(rows: int, batch: int, steps: int, seed: int) -> list[list[int]]:
    """Return the rows of every step, `batch` each, the last of a pass as many as are left.

    The rows come pass after pass, each pass in an order of its own.
    """
    found: list[list[int]] = []
    while len(found) < steps:
        at = len(found) // -(-rows // batch)
        order = np.random.default_rng([seed, at]).permutation(rows).tolist()
        found += [order[start : start + batch] for start in range(0, rows, batch)]
    return found[:steps]


def split_steps(
    steps: Sequence[Sequence[int]],
    sizes: Sequence[int],
    tokens: int,
    *,
    nothing: int,
    devices: int = 1,
) -> list[list[int]]:
    """Split steps into micro-batches of rows of similar length, as many for every step.

    A micro-batch comes to at most `tokens`, padding included; `sizes` are those of each row (see
    `end_of_batch`). Several devices take them in turn, each as many. A step that needs fewer gets
    some of `nothing`.
    """
    split = [_micro_batches(rows, sizes, tokens) for rows in steps]
    number = -(-max(map(len, split)) // devices) * devices
    return [batch for parts in split for batch in parts + [[nothing]] * (number - len(parts))]


def _micro_batches(rows: Sequence[int], sizes: Sequence[int], tokens: int) -> list[list[int]]:
    """Split the rows of a step, the longest first."""
    order = sorted(rows, key=lambda row: -sizes[row])
    lengths = [sizes[row] for row in order]
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        stop = end_of_batch(lengths, start, tokens)
        batches.append(order[start:stop])
        start = stop
    return batches

"""The rules that results of plug-ins must keep; each error names the plug-in and the rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import PluginError
from mods.interfaces import Outcome, Unscorable
from mods.pool import Budget, Picks, Pool

if TYPE_CHECKING:
    import numpy.typing as npt


def checked_scores(values: Any, n: int, plugin: str) -> list[float | Unscorable]:
    """Return n finite floats or `Unscorable`s; anything else is a `PluginError`."""
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise PluginError(f"{plugin} returned an array of shape {values.shape}; expected ({n},)")
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, (str, bytes)):
        raise PluginError(
            f"{plugin} returned {type(values).__name__}; expected one float per record, in order"
        )
    if len(values) != n:
        raise PluginError(
            f"{plugin} returned {len(values)} scores for {n} records; expected one per record"
        )
    return [checked_score(value, i, plugin) for i, value in enumerate(values)]


def checked_score(value: Any, i: int, plugin: str) -> float | Unscorable:
    """Return one score as a finite float."""
    if isinstance(value, Unscorable):
        if not isinstance(value.reason, str):
            raise PluginError(f"{plugin} returned Unscorable({value.reason!r}); expected a text")
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise PluginError(
            f"{plugin} returned {value!r} ({type(value).__name__}) for record {i} of its batch; "
            "expected a float, or mods.Unscorable(reason)"
        )
    if not is_finite(value):
        raise PluginError(
            f"{plugin} returned {value} for record {i} of its batch; scores must be finite: "
            "return mods.Unscorable(reason) for a row that cannot be scored"
        )
    return float(value)


def checked_answers(values: Any, n: int, plugin: str) -> list[str | Unscorable]:
    """Return n texts or `Unscorable`s; anything else is a `PluginError`."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)) or len(values) != n:
        raise PluginError(f"{plugin} must return one text per conversation, in order")
    for value in values:
        if not isinstance(value, (str, Unscorable)):
            raise PluginError(
                f"{plugin} returned {value!r} ({type(value).__name__}) as an answer; expected a "
                "text, or mods.Unscorable(reason)"
            )
    return list(values)


def checked_counts(values: Any, n: int, plugin: str) -> list[int]:
    """Return n whole numbers from 0; anything else is a `PluginError`."""
    if not isinstance(values, (Sequence, np.ndarray)) or len(values) != n:
        raise PluginError(f"{plugin} must return one number of tokens per record, in order")
    for value in values:
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < 0:
            raise PluginError(f"{plugin} returned {value!r} tokens; expected a whole number from 0")
    return [int(value) for value in values]


def is_finite(value: float | np.integer[Any] | np.floating[Any]) -> bool:
    """Say whether a number is a finite float; a Python integer may be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def checked_vectors(
    values: Any, n: int, plugin: str, *, width: int | None = None
) -> npt.NDArray[np.float32]:
    """Return a finite float32 array of shape (n, width)."""
    if not isinstance(values, np.ndarray):
        raise PluginError(f"{plugin} returned {type(values).__name__}; expected a NumPy array")
    if values.ndim != 2 or values.shape[0] != n or values.shape[1] == 0:
        raise PluginError(f"{plugin} returned shape {values.shape}; expected ({n}, d) with d > 0")
    if width is not None and values.shape[1] != width:
        raise PluginError(
            f"{plugin} returned {values.shape[1]} columns after {width} before; "
            "the width must not change"
        )
    if values.dtype != np.float32:
        raise PluginError(f"{plugin} returned dtype {values.dtype}; expected float32")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise PluginError(
            f"{plugin} returned a NaN or infinity in row {int(np.argmin(finite))} of its batch; "
            "vectors must be finite"
        )
    return values


def checked_picks(
    picks: Any, pool: Pool, budget: Budget, initial: npt.NDArray[np.int64], plugin: str
) -> Picks:
    """Return picks that are in range, unique, none of the fixed centres, within the budget."""
    n = len(pool.records)
    if not isinstance(picks, Picks):
        raise PluginError(f"{plugin} returned {type(picks).__name__}; expected mods.Picks")
    indices = np.asarray(picks.indices)
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise PluginError(f"{plugin} returned picks of dtype {indices.dtype}; expected (k,) int64")
    if len(indices) > budget.rows:
        raise PluginError(f"{plugin} picked {len(indices)} rows; expected at most {budget.rows}")
    if len(indices) and (indices.min() < 0 or indices.max() >= n):
        raise PluginError(f"{plugin} picked a row outside 0..{n - 1}")
    if len(np.unique(indices)) != len(indices):
        raise PluginError(f"{plugin} picked a row twice")
    if np.isin(indices, initial).any():
        raise PluginError(f"{plugin} picked a row that is a fixed centre already")
    if picks.radii is not None and len(picks.radii) != len(indices):
        raise PluginError(f"{plugin} returned {len(picks.radii)} radii for {len(indices)} picks")
    indices = indices.astype(np.int64)
    return Picks(indices, picks.radii, passed_over(picks, indices, pool, budget, initial, plugin))


def passed_over(
    picks: Picks,
    indices: npt.NDArray[np.int64],
    pool: Pool,
    budget: Budget,
    initial: npt.NDArray[np.int64],
    plugin: str,
) -> dict[int, int]:
    """Return all rows that alone have more tokens than were left, and how many those were.

    For rows that the selector does not tell of, what was left at the end counts.
    """
    if budget.tokens is None or pool.tokens is None:
        return {}
    spent = int(pool.tokens[indices].sum())
    if spent > budget.tokens:
        raise PluginError(
            f"{plugin} picked rows of {spent} tokens; expected at most {budget.tokens} (see "
            "mods.Budget.take)"
        )
    left = budget.tokens - spent
    too_long = pool.tokens > left
    too_long[[*indices, *initial]] = False
    return {int(row): int(picks.passed.get(int(row), left)) for row in np.flatnonzero(too_long)}


def checked_outcome(returned: Any, plugin: str) -> tuple[int, Outcome]:
    """Return the number of a chunk and what came of it."""
    if isinstance(returned, tuple) and len(returned) == 2:
        at, outcome = returned
        if isinstance(at, int) and isinstance(outcome, Outcome):
            return at, outcome
    raise PluginError(f"{plugin} returned {returned!r}; expected (number of the chunk, outcome)")

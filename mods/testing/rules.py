"""The rules that plug-ins of every kind keep, and how results are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mods.errors import PluginError

if TYPE_CHECKING:
    import numpy.typing as npt

    Results = npt.NDArray[Any]

TOLERANCE = 1e-3
"""How far numbers may move with batch and order, relative to their spread: padding rounds."""


def check_identity(plugin: object) -> None:
    """Check `identity`, where there is one: JSON, and the same each time."""
    identity = getattr(plugin, "identity", None)
    if identity is None:
        return
    name = name_of(plugin)
    try:
        first, second = (json.dumps(dict(identity()), sort_keys=True) for _ in range(2))
    except (TypeError, ValueError) as error:
        raise PluginError(f"{name}: `identity()` must be a dict that JSON can hold") from error
    require(first == second, name, "`identity()` must be the same each time")


def require_methods(plugin: object, kind: str, *methods: str) -> None:
    """Check that a plug-in has what its kind must have."""
    words = " and ".join(f"`{method}`" for method in methods)
    there = all(callable(getattr(plugin, method, None)) for method in methods)
    require(there, name_of(plugin), f"{kind} has {words}")


def needs_of(plugin: object, usual: Sequence[str], known: Sequence[str] | None = None) -> list[str]:
    """Return what a plug-in says it needs; `known`: all that there is."""
    needs = getattr(plugin, "needs", usual)
    texts = isinstance(needs, (tuple, list)) and all(isinstance(need, str) for need in needs)
    require(texts, name_of(plugin), "`needs` must be a tuple of names")
    for need in needs:
        choice = f"`needs` may name {' and '.join(known or ())}, not {need!r}"
        require(known is None or need in known, name_of(plugin), choice)
    return list(needs)


def same_input(given: Sequence[Any], before: Sequence[Any]) -> bool:
    """Compare items and, for records, the raw rows, which record equality leaves out."""
    return list(given) == list(before) and all(
        getattr(a, "raw", None) == getattr(b, "raw", None)
        for a, b in zip(given, before, strict=True)
    )


def equal(one: Results, other: Results) -> bool:
    """Say whether results are the same; nan is nan."""
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))


def close(one: Results, other: Results, scale: Results) -> bool:
    """Compare numbers within `TOLERANCE` of the largest of `scale`, at least 1; texts exactly."""
    if one.dtype == object:
        return equal(one, other)
    if one.shape != other.shape:
        return False
    largest = float(np.nanmax(np.abs(scale), initial=1.0))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * largest, equal_nan=True))


def name_of(plugin: object) -> str:
    """Return the name of the plug-in's class, for messages."""
    return type(plugin).__name__


def require(kept: bool, name: str, rule: str) -> None:
    """Raise `PluginError` unless a rule is kept."""
    if not kept:
        fail(name, rule)


def fail(name: str, rule: str) -> NoReturn:
    """Raise `PluginError` for a broken rule."""
    raise PluginError(f"{name} breaks a rule: {rule}")

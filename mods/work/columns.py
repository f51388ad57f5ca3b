"""Columns of results: how values of one kind are checked, and how they become bytes and back."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from mods.errors import PluginError
from mods.interfaces import Unscorable
from mods.plugins.rules import (
    checked_answers,
    checked_counts,
    checked_scores,
    checked_vectors,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

Value = TypeVar("Value")

UNSCORABLE = b"unscorable: "
"""Longer than a float64, so that no score starts with it."""
TEXT, NO_TEXT = b"t", b"u"
"""The first byte of a text, and of the reason why there is none."""


@dataclass(frozen=True)
class Column(Generic[Value]):
    """One kind of result."""

    check: Callable[[Any, int, str], Sequence[Value]]
    """(what a plug-in returned, rows, its name): the values; `PluginError` if a rule is broken."""
    encode: Callable[[Value], bytes]
    decode: Callable[[bytes], Value]


def encode_score(value: float | Unscorable) -> bytes:
    """Eight bytes of a float64, or the reason why there is none."""
    if isinstance(value, Unscorable):
        return UNSCORABLE + value.reason.encode("utf-8", "surrogatepass")
    return struct.pack("<d", value)


def decode_score(data: bytes) -> float | Unscorable:
    """Undo `encode_score`."""
    if data.startswith(UNSCORABLE):
        return Unscorable(data[len(UNSCORABLE) :].decode("utf-8", "surrogatepass"))
    value = float(struct.unpack("<d", data)[0])
    if not math.isfinite(value):
        raise ValueError(f"no score is {value}")
    return value


def encode_answer(value: str | Unscorable) -> bytes:
    """A text, or the reason why there is none, told apart by the first byte."""
    mark, text = (NO_TEXT, value.reason) if isinstance(value, Unscorable) else (TEXT, value)
    return mark + text.encode("utf-8", "surrogatepass")


def decode_answer(data: bytes) -> str | Unscorable:
    """Undo `encode_answer`; `ValueError` for what it never wrote."""
    mark, text = data[:1], data[1:].decode("utf-8", "surrogatepass")
    if mark not in (TEXT, NO_TEXT):
        raise ValueError(f"no answer starts with {mark!r}")
    return text if mark == TEXT else Unscorable(text)


SCORES: Column[float | Unscorable] = Column(checked_scores, encode_score, decode_score)
ANSWERS: Column[str | Unscorable] = Column(checked_answers, encode_answer, decode_answer)
COUNTS: Column[int] = Column(
    checked_counts, lambda count: struct.pack("<q", count), lambda d: int(struct.unpack("<q", d)[0])
)


def vectors() -> Column[Vector]:
    """A column of vectors, all as wide as the first."""
    width: int | None = None

    def check(values: Any, n: int, plugin: str) -> list[Vector]:
        nonlocal width
        checked = checked_vectors(values, n, plugin, width=width)
        width = checked.shape[1]
        return list(checked)

    return Column(
        check,
        lambda vector: np.ascontiguousarray(vector, dtype="<f4").tobytes(),
        decode_vector,
    )


def decode_vector(data: bytes) -> Vector:
    """Return a vector, float32; `ValueError` for what was never one."""
    vector: Vector = np.frombuffer(data, dtype="<f4")
    if not np.isfinite(vector).all():
        raise ValueError("no vector holds a NaN or infinity")
    return vector


def stacked(column: Sequence[Vector], plugin: str) -> Vector:
    """Return vectors, cached ones among them, as one array of shape (n, d)."""
    widths = {len(vector) for vector in column}
    if len(widths) > 1:
        raise PluginError(
            f"{plugin} returned vectors of widths {sorted(widths)}, some of them cached: the width "
            "must not change; if the plug-in changed, its identity() must too"
        )
    return np.stack(column)

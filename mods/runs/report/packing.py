"""Packs columns and texts for the page: deflated, and 15 bits in every character.

A page in UTF-16 holds 15 bits in two bytes where base64 holds 6 in one: a fifteenth more than the
packed bytes, not a third. A byte order mark tells every browser, whatever a server says.
`page.js` unpacks.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

FIRST = 0x4000
"""The 32,768 characters from here are no surrogates, no marks, and nothing that HTML knows."""
BITS = 15
LEVEL = 9
KINDS = {"u1": "Uint8Array", "u2": "Uint16Array", "i4": "Int32Array", "f4": "Float32Array",
         "f8": "Float64Array"}  # fmt: skip
"""What a column is in Python and in the page."""


def deflated(data: bytes) -> bytes:
    """Deflate, as `DecompressionStream("deflate-raw")` takes it."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def as_characters(data: bytes) -> str:
    """Write bytes as characters: two for their number, then 15 bits in each."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    groups = np.zeros((-(-len(bits) // BITS), 16), np.uint8)
    groups[:, 1:] = np.pad(bits, (0, len(groups) * BITS - len(bits))).reshape(-1, BITS)
    units = np.packbits(groups, axis=1).view(">u2").ravel()
    number = [len(data) >> BITS, len(data) & ((1 << BITS) - 1)]
    return (np.concatenate([number, units]) + FIRST).astype("<u2").tobytes().decode("utf-16-le")


class Column(NamedTuple):
    """A column of the page, one value a row."""

    name: str
    kind: str
    """Out of `KINDS`."""
    values: npt.NDArray[Any]
    steps: bool = False
    """Whether differences from row to row are packed: of numbers that grow."""

    @classmethod
    def of_floats(cls, name: str, values: npt.NDArray[np.float64]) -> Column:
        """Return a column of numbers, as float32 where that loses nothing."""
        with np.errstate(over="ignore"):
            small = values.astype(np.float32)
        same = np.array_equal(small.astype(np.float64), values, equal_nan=True)
        return cls(name, "f4", small) if same else cls(name, "f8", values)

    @classmethod
    def of_codes(cls, name: str, values: npt.NDArray[Any]) -> Column:
        """Return a column of numbers from 0."""
        most = int(values.max(initial=0))
        return cls(name, "u1" if most < 1 << 8 else "u2" if most < 1 << 16 else "i4", values)

    def told(self) -> dict[str, Any]:
        """Say how it is to be read."""
        return {"name": self.name, "kind": KINDS[self.kind], "steps": self.steps}

    def packed(self) -> bytes:
        """Return all first bytes of the values, then all second ones: alike ones deflate better."""
        values: npt.NDArray[Any] = self.values.astype(f"<{self.kind}")
        if self.steps:
            values = np.diff(values, prepend=values.dtype.type(0))
        planes: npt.NDArray[np.uint8] = values.view(np.uint8).reshape(len(values), -1).T
        return planes.tobytes()


def packed(columns: list[Column]) -> str:
    """Pack columns, one after another."""
    return as_characters(deflated(b"".join(column.packed() for column in columns)))

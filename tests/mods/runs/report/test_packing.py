"""Packing: whatever the bytes and columns are, what is unpacked is what was packed."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mods.runs.report.packing import BITS, FIRST, Column, as_characters, deflated


def bytes_of(text):
    """What `bytesOf` in data.js does."""
    units = [ord(c) - FIRST for c in text]
    size = (units[0] << BITS) + units[1]
    bits = "".join(f"{unit:015b}" for unit in units[2:])
    return bytes(int(bits[i * 8 : i * 8 + 8], 2) for i in range(size))


@given(st.binary(max_size=200))
def test_bytes_come_back_and_no_character_means_anything_to_html(data):
    text = as_characters(data)
    assert bytes_of(text) == data
    assert len(text) == 2 + -(-8 * len(data) // BITS)
    assert all(0x4000 <= ord(c) < 0xC000 for c in text)


def test_deflated_bytes_are_raw():
    assert zlib.decompress(deflated(b"mods" * 99), wbits=-15) == b"mods" * 99


@pytest.mark.parametrize(
    ("values", "kind"), [([0.5, np.nan], "f4"), ([0.1, 1.0], "f8"), ([1e300, 0.0], "f8")]
)
def test_scores_are_kept_to_the_last_bit_in_as_few_bytes_as_do(values, kind):
    column = Column.of_floats("x", np.array(values))
    assert column.kind == kind
    kept = column.values.astype(np.float64)
    np.testing.assert_array_equal(kept, values)


def test_steps_are_taken_between_rows_and_bytes_are_sorted_by_place():
    column = Column("row", "i4", np.array([1, 2, 300]), steps=True)
    assert column.packed() == bytes([1, 1, 42, 0, 0, 1, 0, 0, 0, 0, 0, 0])

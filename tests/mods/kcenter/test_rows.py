"""Rows are read where they lie, whatever holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kcenter_inputs import clustered, run

from mods.kcenter import kcenter_greedy, kcenter_oracle
from mods.kcenter.rows import as_rows


def test_views_are_read_in_place() -> None:
    base = clustered(6000, 120, 8)
    for view in (base[::2], base[:, 8:72], base[::-1], base[:, ::3], base.T[:100].copy(order="F")):
        expected = kcenter_oracle(np.ascontiguousarray(view), 60, first=2)
        np.testing.assert_array_equal(kcenter_greedy(view, 60, first=2).indices, expected.indices)
    for view in (base[::2], base[:, 8:72], base[::-1]):
        expected = kcenter_oracle(view, 60, first=0)
        np.testing.assert_array_equal(run(view, 60, method="from_disk")[0], expected.indices)
    strided = base[::2, 8:72]
    assert as_rows(strided).values is strided


def test_memory_mapped_rows(tmp_path: Any) -> None:
    x = clustered(4000, 64, 9).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = kcenter_oracle(x, 100)
    np.testing.assert_array_equal(kcenter_greedy(mapped, 100).indices, expected.indices)


def test_tensors_without_rows_in_memory_are_named() -> None:
    torch = pytest.importorskip("torch")
    for x, message in (
        (torch.eye(4).to_sparse(), r"sparse.*x\.to_dense\(\)"),
        (torch.ones(4, 2, device="meta"), "meta tensor"),
    ):
        for call in (kcenter_greedy, kcenter_oracle):
            with pytest.raises(ValueError, match=message):
                call(x, 1)

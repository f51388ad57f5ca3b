"""Arguments that cannot be used are named, with what can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mods.kcenter import kcenter_greedy

BAD_CALLS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "k = 0": (np.ones((4, 2), np.float32), {"k": 0}, "k = 0 is outside 1..4"),
    "k > n": (np.ones((4, 2), np.float32), {"k": 5}, "k = 5 is outside 1..4"),
    "k > n - initial": (np.ones((4, 2), np.float32), {"k": 4, "initial": [1]}, r"k = 4 .* 1\.\.3"),
    "float64": (np.ones((4, 2)), {}, r"float64; use x\.astype\(np\.float32\)"),
    "1-D": (np.ones(4, np.float32), {}, r"2-D .*\(4,\)"),
    "empty": (np.ones((0, 4), np.float32), {}, "rows and columns"),
    "big-endian": (np.ones((4, 2), ">f4"), {}, "byte-swapped"),
    "initial twice": (np.ones((4, 2), np.float32), {"initial": [1, 2, 1]}, "1 more than once"),
    "initial outside": (np.ones((4, 2), np.float32), {"initial": [4]}, r"4, outside 0\.\.3"),
    "initial floats": (np.ones((4, 2), np.float32), {"initial": [0.5]}, "row numbers"),
    "first and initial": (
        np.ones((4, 2), np.float32),
        {"initial": [0], "first": 1},
        "first = 1 cannot be combined",
    ),
    "first outside": (np.ones((4, 2), np.float32), {"first": -1}, "first = -1"),
    "metric": (np.ones((4, 2), np.float32), {"metric": "l1"}, "'l1'"),
    "device": (np.ones((4, 2), np.float32), {"device": "tpu"}, "'tpu'"),
    "threads": (np.ones((4, 2), np.float32), {"threads": -2}, "threads = -2"),
    "many threads": (np.ones((4, 2), np.float32), {"threads": 1025}, r"1025 .* 1\.\.1024"),
    "half a thread": (np.ones((4, 2), np.float32), {"threads": 0.5}, "whole number, got 0.5"),
    "device number": (np.ones((4, 2), np.float32), {"device": 0}, "device must be a text .*got 0"),
    "seed": (np.ones((4, 2), np.float32), {"seed": -1}, "seed = -1"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_mistakes_are_named(name: str) -> None:
    x, options, message = BAD_CALLS[name]
    with pytest.raises(ValueError, match=message):
        kcenter_greedy(x, **{"k": 1, **options})

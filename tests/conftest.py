"""Tests marked `gpu` are skipped without a CUDA device; with MODS_REQUIRE_GPU=1 they fail."""

from __future__ import annotations

import os

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is None:
        return
    from mods import _core

    if _core.cuda_device_count() > 0:
        return
    message = f"no CUDA device can be used: {_core.why_no_cuda_device()}"
    if os.environ.get("MODS_REQUIRE_GPU") == "1":
        pytest.fail(f"MODS_REQUIRE_GPU=1, but {message}")
    pytest.skip(message)

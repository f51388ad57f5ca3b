"""Types of the native core (csrc/bindings.cpp)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

def kcenter(
    rows: NDArray[Any] | list[NDArray[Any]],
    *,
    dtype: str,
    k: int,
    initial: NDArray[np.int64],
    first: int,
    metric: str,
    threads: int,
    progress: Callable[[int, float], object] | None,
    isa: str = "",
    method: str = "auto",
) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]: ...
def kcenter_cuda(  # only in builds with CUDA
    rows: object,
    *,
    dtype: str,
    k: int,
    initial: NDArray[np.int64],
    first: int,
    metric: str,
    progress: Callable[[int, float], object] | None,
    device: int,
    stream: int = 0,
    method: str = "auto",
) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]: ...
def cuda_device_count() -> int: ...
def why_no_cuda_device() -> str: ...
def build_info() -> dict[str, Any]: ...
def usable_threads() -> int: ...
def read_bandwidth(x: NDArray[Any], threads: int = 0) -> float: ...
def dot_rate(d: int, threads: int = 0, isa: str = "") -> tuple[float, float]: ...

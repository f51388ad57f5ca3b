"""Types of the native core (csrc/bindings.cpp and csrc/bindings_apart.cpp)."""

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

_Rows = tuple[NDArray[np.int64], NDArray[np.float32]]
_Offer = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64], float, float]
_Settled = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]

class ShardApart:
    def __init__(
        self,
        rows: NDArray[Any],
        *,
        dtype: str,
        first: int,
        metric: str,
        mean: NDArray[np.float32],
        most_centres: int,
        threads: int,
    ) -> None: ...
    @property
    def centres(self) -> int: ...
    def learn(self, ids: NDArray[np.int64], values: NDArray[np.float32]) -> bool: ...
    def refill(self, picks_left: int) -> _Offer: ...
    def settle(
        self,
        place: NDArray[np.int32],
        stamp: NDArray[np.int32],
        exact: NDArray[np.float64],
    ) -> None: ...
    def brute(
        self, ids: NDArray[np.int64], values: NDArray[np.float32]
    ) -> tuple[float, int, NDArray[np.float32]]: ...

class PicksApart:
    def __init__(
        self,
        *,
        n: int,
        d: int,
        k: int,
        fixed: int,
        first: int,
        metric: str,
        mean: NDArray[np.float32],
    ) -> None: ...
    def take(self, offers: list[Any]) -> str: ...
    def take_farthest(self, value: float, id: int) -> str: ...
    def news(self) -> _Rows: ...
    def settled(self, shard: int) -> _Settled: ...
    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...

"""Rows as the core reads them: from NumPy, torch, or anything with DLPack on a CUDA device."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["CudaRows", "HostRows", "as_rows", "cuda_rows", "widen"]

_DLPACK_CUDA, _DLPACK_CUDA_MANAGED = 2, 13  # DLPack's device types


class HostRows(NamedTuple):
    """Rows as the core reads them; `values` holds float16 and bfloat16 as they are stored."""

    values: NDArray[Any]
    dtype: str


class CudaRows(NamedTuple):
    """Rows in the memory of a CUDA device, with the stream on which they are ready."""

    values: Any  # has __dlpack__
    device: int
    stream: int


def cuda_rows(x: Any) -> CudaRows | None:
    """Return `x` where it lies on a CUDA device, else None."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return None
    if _is_tensor(x):
        _check_tensor(x)
    kind, device = (int(part) for part in x.__dlpack_device__())
    if kind not in (_DLPACK_CUDA, _DLPACK_CUDA_MANAGED):
        return None
    _check_shape(x.shape)
    stream = 0
    if _is_tensor(x):
        import torch

        x = x.detach()
        if x.stride(1) != 1 and x.shape[1] > 1:
            x = x.contiguous()
        stream = torch.cuda.current_stream(device).cuda_stream
    return CudaRows(x, device, stream)


def as_rows(x: Any) -> HostRows:
    """Return (n, d) host rows as the core reads them, in place wherever it can walk them.

    Raises:
        ValueError: another shape, dtype or device; the message says what to use instead.
    """
    rows = _torch_rows(x) if _is_tensor(x) else _numpy_rows(x)
    _check_shape(rows.values.shape)
    return rows._replace(values=_readable(rows.values))


def _check_shape(shape: Sequence[int]) -> None:
    if len(shape) != 2:
        raise ValueError(f"x must be 2-D (rows, dimensions), got shape {tuple(shape)}")
    if 0 in shape:
        raise ValueError(f"x must have rows and columns, got shape {tuple(shape)}")


def _is_tensor(x: object) -> bool:
    torch = sys.modules.get("torch")  # an object of torch's exists only once torch is imported
    return torch is not None and isinstance(x, torch.Tensor)


def _numpy_rows(x: Any) -> HostRows:
    values = np.asarray(x)
    name = values.dtype.name
    if not values.dtype.isnative:
        raise ValueError(f"x has byte-swapped dtype {values.dtype.str}; use x.astype(np.float32)")
    if name == "bfloat16":  # ml_dtypes
        return HostRows(values.view(np.uint16), name)
    if name not in ("float32", "float16"):
        raise ValueError(
            f"x must be float32, float16 or bfloat16, got {name}; use x.astype(np.float32)"
        )
    return HostRows(values, name)


def _check_tensor(x: torch.Tensor) -> None:
    import torch

    if x.layout != torch.strided:
        raise ValueError(f"x is a sparse tensor ({x.layout}); use x.to_dense()")
    if x.device.type == "meta":
        raise ValueError("x is a meta tensor, which has a shape but no values; load its values")


def _torch_rows(x: torch.Tensor) -> HostRows:
    import torch

    _check_tensor(x)
    names = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
    if x.dtype not in names:
        raise ValueError(f"x must be float32, float16 or bfloat16, got {x.dtype}; use x.float()")
    if x.device.type != "cpu":
        raise ValueError(f"x is on {x.device}; use x.cpu()")
    x = x.detach()
    if x.dtype == torch.bfloat16:
        x = x.view(torch.int16)
    return HostRows(x.numpy(), names.get(x.dtype, "bfloat16"))


def _readable(values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` itself where the core can walk it, else a contiguous copy."""
    size = values.itemsize
    row_step, step = values.strides
    plain = (step == size or values.shape[1] == 1) and row_step % size == 0
    return values if plain and values.flags.aligned else np.ascontiguousarray(values)


def widen(rows: HostRows) -> NDArray[np.float32]:
    """Return the rows as (n, d) float32, which is exact."""
    if rows.dtype == "bfloat16":
        return (rows.values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(rows.values, np.float32)

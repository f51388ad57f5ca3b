"""Where a model computes, and in which number format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mods.errors import SettingsError
from mods.wording import one_line

if TYPE_CHECKING:
    import torch


def pick_device(device: str) -> torch.device:
    """Turn `auto` into CUDA, else MPS, else CPU; another name into that device.

    Raises `SettingsError` for a name that torch does not know.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise SettingsError(
            f"`device` {device!r} is unknown ({one_line(error)}); use auto, cpu, cuda or mps"
        ) from error


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Turn `auto` into bfloat16 on a CUDA device that has it, else float32.

    Raises `SettingsError` for a name that is no number format of torch.
    """
    import torch

    if dtype == "auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype):
        raise SettingsError(f"`dtype` {dtype!r} is unknown; use auto, float32, bfloat16 or float16")
    return kind


def resolved_dtype(dtype: str, device: str) -> str:
    """Name the number format that `auto` means on this machine: it is part of the result."""
    return str(pick_dtype(dtype, pick_device(device))).removeprefix("torch.")

"""Where a model computes, and in which number format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mods.errors import SettingsError
from mods.wording import one_line

if TYPE_CHECKING:
    import torch


CPU_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


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
    """Turn `auto` into bfloat16 on a device that computes in it, else float32.

    That is a CUDA device from Ampere on, or a CPU with AVX512_BF16 or AMX: on any other, bfloat16
    is far slower than float32.

    Raises `SettingsError` for a name that is no number format of torch.
    """
    import torch

    if dtype == "auto":
        return torch.bfloat16 if computes_in_bfloat16(device.type) else torch.float32
    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype):
        raise SettingsError(f"`dtype` {dtype!r} is unknown; use auto, float32, bfloat16 or float16")
    return kind


def computes_in_bfloat16(device: str) -> bool:
    """Say whether a kind of device (`cuda`, `cpu`) has instructions for bfloat16 here."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch tells it of a CPU under these names only; a version without them counts as a no.
    asked = [getattr(torch.cpu, name, None) for name in CPU_BFLOAT16]
    return device == "cpu" and any(ask() for ask in asked if ask is not None)


def resolved_dtype(dtype: str, device: str) -> str:
    """Name the number format that `auto` means on this machine: it is part of the result."""
    return str(pick_dtype(dtype, pick_device(device))).removeprefix("torch.")

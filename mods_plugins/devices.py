"""Devices of this machine as they are named in options, a process for each."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from mods.errors import SettingsError

PROCESSES = re.compile(r"cpu(?::(\d+))?")
GPU = re.compile(r"cuda:(\d+)")


def parse_devices(text: str, named: str = "`devices`") -> tuple[str, ...]:
    """Read `cuda:0,cuda:1` or `cpu:N`; one name for each process. `named` is what errors call it.

    Raises `SettingsError` for another text, a device named twice, or more processes than cores.
    """
    names = [name.strip() for name in re.split(r"[,+]", text) if name.strip()]
    processes = PROCESSES.fullmatch(names[0]) if len(names) == 1 else None
    if processes:
        number, cores = int(processes[1] or 1), len(cores_here())
        if not 1 <= number <= cores:
            raise SettingsError(f"{named} {text!r}: expected 1 to {cores} processes, one a core")
        return ("cpu",) * number
    if not names or not all(map(GPU.fullmatch, names)):
        raise SettingsError(f"{named} {text!r}: expected cuda:0,cuda:1,… or cpu:N")
    if len(set(names)) < len(names):
        raise SettingsError(f"{named} {text!r} names a device twice")
    visible = visible_gpus()
    if visible is not None and any(int(name[len("cuda:") :]) >= len(visible) for name in names):
        raise SettingsError(f"{named} {text!r}: CUDA_VISIBLE_DEVICES leaves {len(visible)}")
    return tuple(names)


def visible_gpus() -> list[str] | None:
    """Return the names of the GPUs that this process was left, or None if that is all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else [name for name in visible.split(",") if name]


def cores_here() -> list[int]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def settle(devices: Sequence[str], place: int) -> None:
    """Keep this process to its device, before anything of it is opened."""
    gpu = GPU.fullmatch(devices[place])
    if gpu:
        visible = visible_gpus()
        os.environ["CUDA_VISIBLE_DEVICES"] = visible[int(gpu[1])] if visible else gpu[1]
        return
    mine = cores_here()[place :: len(devices)]
    os.environ["OMP_NUM_THREADS"] = str(len(mine))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, mine)

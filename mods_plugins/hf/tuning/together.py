"""One tuning on several devices of this machine, in a process for each."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from mods.errors import PluginError
from mods.progress import cut, noticing
from mods.spending import spending, spent
from mods_plugins.devices import settle
from mods_plugins.hf.tuning.checkpoints import last_checkpoint
from mods_plugins.hf.tuning.job import Job
from mods_plugins.processes import free_port, sendable


class Told(NamedTuple):
    """What a process says of its share."""

    tokens: int
    cut: frozenset[int]


def tune_together(job: Job, micro: int, devices: Sequence[str]) -> None:
    """Do a job on several devices: their gradients are averaged after every step.

    `micro` is for each of them. An error of one ends all, and is raised; `PluginError` if a process
    ends by itself.
    """
    last_checkpoint(job.checkpoints)  # removes the others now: the processes must not race for it
    context = get_context("spawn")  # a fork would inherit the threads' locks of torch
    port = free_port()
    members: dict[Any, Any] = {}
    try:
        for place in range(len(devices)):
            ours, theirs = context.Pipe()
            member = context.Process(
                target=take_part, args=(theirs, job, micro, devices, place, port), daemon=True
            )
            member.start()
            theirs.close()
            members[ours] = member
        waiting = list(members)
        while waiting:
            for connection in wait(waiting):
                _heed(connection)
                waiting.remove(connection)
    finally:
        for member in members.values():
            member.kill()
            member.join()


def _heed(connection: Any) -> None:
    """Pass on what a process tells at its end."""
    try:
        told = connection.recv()
    except (EOFError, OSError) as error:
        why = "a process of the tuning ended by itself (no memory left?); its checkpoints are kept"
        raise PluginError(why) from error
    if isinstance(told, BaseException):
        raise told
    spent(told.tokens)
    cut(told.cut)


def take_part(
    connection: Any, job: Job, micro: int, devices: Sequence[str], place: int, port: int
) -> None:
    """Do the share of one device, and tell how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked ends this one
    settle(devices, place)
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        RANK=str(place),
        LOCAL_RANK="0" if devices[place].startswith("cuda") else str(place),
        WORLD_SIZE=str(len(devices)),
        LOCAL_WORLD_SIZE=str(len(devices)),
    )
    try:
        with noticing() as noticed, spending() as spending_here:
            job.run(micro, devices=len(devices), first=place == 0)
        found: Any = Told(spending_here.tokens, frozenset(noticed.cut if place == 0 else ()))
    except BaseException as error:
        found = sendable(error)
    connection.send(found)

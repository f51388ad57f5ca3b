"""The connection to a Ray cluster, or a Ray of one's own on this machine: silent and at home."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import threading
import time
import traceback
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from mods import PluginError, SettingsError
from mods.offline import check_online, is_offline
from mods.wording import needs_extra, one_line

EXTRA = "ray"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # phones nobody
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # every error that matters is raised here
}
TRIES = 3
"""Ray gives itself 30 seconds to start, which a machine with much to do cannot always keep."""
ANSWER = 10.0
"""Seconds that a cluster has to answer."""
PATIENCE = 15.0
"""Seconds without any news after which the cluster is looked at."""
LOOKS = 3
"""Times that the head must be missed: one that keeps its state elsewhere may be started again."""
_users: set[int] = set()
"""Whom the connection was made for, where it was made here."""
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Set to 0, a Ray listens on 127.0.0.1 only, on every system. Read when Ray is imported."""


def connect(owner: object, address: str) -> Any:
    """Return the module `ray`, connected for as long as `owner` lives.

    `address` is `auto` (the cluster that this machine is part of) or `HOST:PORT`; empty, a Ray is
    started on this machine and stopped again. A Ray that the process is connected to already is
    used as it is, and left alone.

    Raises `PluginError` without the extra or where no Ray can be started, `SettingsError` where no
    cluster answers, and with `offline` for a cluster with other machines.
    """
    ray = imported(here=not address)
    if not ray.is_initialized():
        if address and address != "auto":
            _require_answer(address)
        _start(ray, address)
        if address and is_offline():
            _require_this_machine(ray, address)
        _users.clear()
    elif not _users:
        return ray
    if id(owner) not in _users:
        _users.add(id(owner))
        weakref.finalize(owner, _leave, ray, id(owner))
    return ray


def _leave(ray: Any, user: int) -> None:
    """Let the connection go with the last of those that it was made for."""
    _users.discard(user)
    if not _users:
        ray.shutdown()


def imported(*, here: bool = False) -> Any:
    """Import Ray, and have it say nothing; `here`: a Ray to be started listens to nobody else."""
    os.environ.update(QUIET)
    if here:
        os.environ.setdefault(LOOPBACK, "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise PluginError(needs_extra("Ray needs", EXTRA)) from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)  # its import sets another level
    # What machines report is printed on standard output, with no setting against it.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    return ray


def _start(ray: Any, address: str, tries: int = TRIES) -> None:
    # Without an address Ray would take any cluster that was ever started on this machine.
    own = {"address": "local", "include_dashboard": False}
    options: dict[str, Any] = {"address": address} if address else own
    try:
        with _own_signals():
            ray.init(
                configure_logging=False,
                logging_level=logging.CRITICAL,
                log_to_driver=False,
                **options,
            )
    except ConnectionError as error:
        raise _no_answer(address, error) from error
    except Exception as error:
        _end_half_started(ray, error)
        ray.shutdown()
        if not address and "timed out" in str(error).lower() and tries > 1:
            return _start(ray, address, tries - 1)
        where = f"at {address}" if address else "on this machine"
        raise PluginError(f"Ray cannot be used {where}: {one_line(error)}") from error


def _end_half_started(ray: Any, error: BaseException) -> None:
    """End the processes of a Ray that did not start in time: nobody but its error knows them."""
    import psutil

    for frame, _ in traceback.walk_tb(error.__traceback__ and error.__traceback__.tb_next):
        node = frame.f_locals.get("self")
        if not isinstance(node, ray._private.node.Node):
            continue
        agents = []  # they outlive a raylet that ends before they know it
        for process in itertools.chain(*node.all_processes.values()):
            with suppress(psutil.NoSuchProcess):
                agents += psutil.Process(process.process.pid).children(recursive=True)
        node.kill_all_processes(check_alive=False, allow_graceful=True, wait=True)
        for agent in agents:
            with suppress(psutil.NoSuchProcess):
                agent.kill()


def _require_answer(address: str) -> None:
    """Look whether something listens there: Ray would try for minutes."""
    check_online(f"ray://{address}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"ray: address must be `auto` or HOST:PORT, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except OSError as error:
        raise _no_answer(address, error) from error


def _no_answer(address: str, error: BaseException) -> SettingsError:
    return SettingsError(
        f"no Ray cluster answers at {address}: {one_line(error)}; start one with "
        "`ray start --head`, or leave `address` out for a Ray on this machine"
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray would replace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_this_machine(ray: Any, address: str) -> None:
    here = ray.util.get_node_ip_address()
    others = {node["NodeManagerAddress"] for node in alive(ray)} - {here}
    if others:
        ray.shutdown()
        raise SettingsError(
            f"`offline`: the Ray cluster at {address} has other machines ({min(others)}), and "
            "nothing but this one is asked"
        )


def alive(ray: Any) -> list[dict[str, Any]]:
    """Return the machines of the cluster that are alive, as Ray describes them."""
    return [node for node in ray.nodes() if node["Alive"]]


def news(ray: Any, refs: Sequence[Any]) -> list[Any]:
    """Wait a while for one of some results; return those that are there.

    Raises `PluginError` as `require_head` does.
    """
    done, _ = ray.wait(list(refs), num_returns=1, timeout=PATIENCE)
    if not done:
        require_head(ray)
    return list(done)


def require_head(ray: Any) -> None:
    """Raise `PluginError` if the head is gone: Ray waits for a minute, then ends the process."""
    if not head_answers(ray):
        raise PluginError(
            f"the head of the Ray cluster, {_head(ray)}, does not answer any more. What was done "
            "is kept: start the cluster again, then give the same command"
        )


def let_go(ray: Any, actors: Iterable[Any]) -> None:
    """Let actors go, whatever they do; without a head they are lost as it is."""
    if head_answers(ray):
        for actor in actors:
            ray.kill(actor)


def head_answers(ray: Any) -> bool:
    """Say whether the head of the cluster still listens."""
    host, _, port = _head(ray).rpartition(":")
    for look in range(LOOKS):
        time.sleep(min(1, look))
        with suppress(OSError):
            socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
            return True
    return False


def _head(ray: Any) -> str:
    return str(ray.get_runtime_context().gcs_address)


def require_room(ray: Any, cpus: float, gpus: float) -> int:
    """Return how many workers of so many CPUs and GPUs the cluster could hold, if it were idle.

    Raises `SettingsError` if it could not hold even one.
    """
    most = sum(_room_on(node["Resources"], cpus, gpus) for node in alive(ray))
    if most == 0:
        raise SettingsError(
            f"no machine of the Ray cluster has {cpus:g} CPUs and {gpus:g} GPUs for a worker: "
            "lower `cpus` or `gpus`, or start machines that have them"
        )
    return most


def _room_on(resources: dict[str, float], cpus: float, gpus: float) -> int:
    rooms = [resources.get("CPU", 0.0) / cpus]
    if gpus:
        rooms.append(resources.get("GPU", 0.0) / gpus)
    return int(min(rooms))


def lost(ray: Any) -> tuple[type[BaseException], ...]:
    """Return the errors that say: the worker is gone, or what it made is."""
    errors = ray.exceptions
    return (
        errors.RayActorError,
        errors.WorkerCrashedError,
        errors.NodeDiedError,
        errors.OutOfMemoryError,
        errors.ObjectLostError,
    )


def reason(error: BaseException) -> str:
    """Return what an error of Ray says, without what changes from call to call."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if ":" not in line.split(" ", 1)[0]]
    return (told or lines or [type(error).__name__])[0].rstrip(".")

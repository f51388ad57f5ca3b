"""A budget of time and memory for code of strangers: chat templates loop, call and join texts."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mods.errors import ModsError

SECONDS = 10.0
"""One conversation is rendered in milliseconds."""
BYTES = 1 << 30
"""So much more memory than before means that a text is doubled again and again."""
LOOK = 0.02
"""Seconds between two looks: short against both."""
STATM = Path("/proc/self/statm")
PAGE = 4096


class _OverBudget(BaseException):
    """Raised in the thread whose budget is spent; no handler of a template sees it."""


@contextmanager
def budget(what: str) -> Iterator[None]:
    """Stop what runs inside when its time or memory is spent; raises `ModsError` naming `what`.

    Another thread looks at it every now and then. A single operation that never returns to Python
    is not stopped; chat templates have none.
    """
    work = _Work(threading.get_ident())
    try:
        try:
            _watcher().begin(work)
            yield
        finally:
            _watcher().end(work)
    except _OverBudget as error:
        raise ModsError(
            f"{what} goes on without end ({work.spent}): it was stopped; use another one"
        ) from error
    except RecursionError as error:
        raise ModsError(f"{what} calls itself without end; use another one") from error
    except MemoryError as error:
        raise ModsError(f"{what} fills the memory: it was stopped; use another one") from error


@dataclass(eq=False)
class _Work:
    """What is being watched."""

    thread: int
    since: float = 0.0
    memory: int = 0
    spent: str = ""
    """What was used when it was stopped."""


class _Watcher:
    """One thread of a process that looks at all the work that is going on."""

    def __init__(self) -> None:
        self._going_on: set[_Work] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        threading.Thread(target=self._look_on, name="mods-budget", daemon=True).start()

    def begin(self, work: _Work) -> None:
        """Begin to look at some work; its time counts from the first look."""
        with self._lock:
            self._going_on.add(work)
        if not self._some.is_set():
            self._some.set()

    def end(self, work: _Work) -> None:
        """Look no more; a stop that is on its way is called back."""
        with self._lock:
            self._going_on.discard(work)
            if work.spent:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(work.thread), None)

    def _look_on(self) -> None:
        while True:
            self._some.wait()
            time.sleep(LOOK)
            now, memory = time.monotonic(), _memory()
            with self._lock:
                for work in self._going_on:
                    self._look_at(work, now, memory)
                if not self._going_on:
                    self._some.clear()

    def _look_at(self, work: _Work, now: float, memory: int) -> None:
        if not work.since:
            work.since, work.memory = now, memory
        elif not work.spent and (now - work.since > SECONDS or memory - work.memory > BYTES):
            grown = max(0, memory - work.memory) >> 20
            work.spent = f"{now - work.since:.0f} s, {grown} MB"
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(work.thread), ctypes.py_object(_OverBudget)
            )


@lru_cache(maxsize=1)
def _watcher_of(process: int) -> _Watcher:
    return _Watcher()


def _watcher() -> _Watcher:
    """Return the watcher of this process: a fork has none of its parent's threads."""
    return _watcher_of(os.getpid())


def _memory() -> int:
    """Return the bytes of memory this process holds; 0 where the system does not tell."""
    try:
        return int(STATM.read_text().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0

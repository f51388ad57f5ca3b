"""Leases: runs that share a cache do not do the same work twice.

A lease is a lock on one byte of a file beside the results, at a place that the key decides. The
system gives it back when the process ends, however it ends, so that no lease outlives its run.
"""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from types import TracebackType

try:
    import fcntl

    LOCK, LOCK_NOW, UNLOCK = fcntl.LOCK_EX, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
except ImportError:  # no such locks on Windows: two runs may do the same work there
    fcntl = None  # type: ignore[assignment]
    LOCK = LOCK_NOW = UNLOCK = 0

ENDING = ".lease"
TAKEN = (errno.EACCES, errno.EAGAIN)


class Leases:
    """The leases of one process on one store."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_suffix(ENDING)
        self._handle: int | None = None

    def __enter__(self) -> Leases:
        if fcntl is not None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            self._handle = os.open(self._path, flags, 0o666)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def take(self, key: str, *, wait: bool = False) -> bool:
        """Take the lease of a key; False if another process has it and this one does not wait."""
        return self._handle is None or self._lock(key, LOCK if wait else LOCK_NOW)

    def free(self, key: str) -> None:
        """Give a lease back."""
        if self._handle is not None:
            self._lock(key, UNLOCK)

    def _lock(self, key: str, how: int) -> bool:
        assert self._handle is not None
        try:
            fcntl.lockf(self._handle, how, 1, place(key))
        except OSError as error:
            if error.errno in TAKEN:
                return False
            # A file system without locks: then runs may do the same work, and agree on it.
        return True


def place(key: str) -> int:
    """Return where in the file the byte of a key lies, below 2**56."""
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=7).digest()
    return int.from_bytes(digest, "big")

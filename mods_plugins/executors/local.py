"""The executor `local`: in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mods import Outcome, hookimpl

if TYPE_CHECKING:
    from mods.interfaces import Register, Task


class LocalExecutor:
    """Does the work in this process, one chunk after the other."""

    def map(self, task: Task, chunks: Sequence[Sequence[Any]]) -> Iterator[tuple[int, Outcome]]:
        """Yield (number of the chunk from 0, outcome) in the order of the chunks.

        A chunk is worked on when its outcome is asked for; what the task raises passes through.
        """
        for number, chunk in enumerate(chunks):
            yield number, task.run(chunk)


@hookimpl
def register_executors(register: Register) -> None:
    """Register `local`."""
    register("local", LocalExecutor)

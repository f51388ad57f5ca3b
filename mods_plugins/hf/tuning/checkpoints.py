"""Checkpoints of a tuning: when they are written, and which of them is whole."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import TrainerCallback

SAVE_SECONDS = 30.0
"""Least time between checkpoints; more where saving is slow (see `checkpointer`)."""
SAVE_COST = 10.0
"""Least time between checkpoints, as a multiple of the time that the last one took."""
COMPLETE = "mods-complete"
"""The file that says a checkpoint was written to its end."""


def checkpointer() -> TrainerCallback:
    """Make the callback that saves at the end of an epoch, and when the last save is long ago.

    Long ago is `SAVE_SECONDS`, or ten times what the last save took if that is longer, so that
    saving a large model does not take over. A checkpoint that was written whole is marked.
    """
    from transformers import TrainerCallback

    class Checkpointer(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved_at, self.asked_at = time.monotonic(), time.monotonic()
            self.saved_step, self.wait = -1, SAVE_SECONDS

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if agreed(time.monotonic() - self.saved_at >= self.wait):
                self._ask(state, control)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step != self.saved_step:
                self._ask(state, control)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if agreed(True) and state.is_world_process_zero:  # when all have written their part
                mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            self.saved_at, self.saved_step = time.monotonic(), state.global_step
            self.wait = max(SAVE_SECONDS, SAVE_COST * (self.saved_at - self.asked_at))

        def _ask(self, state: Any, control: Any) -> None:
            # The last step is followed by the finished model.
            control.should_save = state.global_step < state.max_steps
            self.asked_at = time.monotonic()

    return Checkpointer()


def agreed(mine: bool) -> bool:
    """Return what the first of several processes that train together thinks; they wait for it."""
    import torch.distributed as together

    if not (together.is_available() and together.is_initialized()):
        return mine
    thought = [mine]
    together.barrier()
    together.broadcast_object_list(thought, src=0)
    return thought[0]


def mark_complete(checkpoint: Path) -> None:
    """Say that a checkpoint is whole, once its files are really on the disk."""
    for file in checkpoint.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    (checkpoint / COMPLETE).touch()


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint and remove all others, half-written ones included."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    whole = [path for path in found if (path / COMPLETE).exists()]
    for path in found:
        if path not in whole[-1:]:
            shutil.rmtree(path)
    return whole[-1] if whole else None

"""Tuning a causal language model on the replies of some records, so that a kill costs little."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import CacheError, DataError, ModsError
from mods.files import json_digest, locked, make_folder, remove_drafts, write_json, writing
from mods_plugins.hf.batching import free_device_memory, is_out_of_memory
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.tuning.job import Job
from mods_plugins.hf.tuning.together import tune_together

if TYPE_CHECKING:
    from mods.records import Record
    from mods.settings.options import Tuning

logger = logging.getLogger(__name__)

LOCK = ".lock"
CLAIM = "tuning.json"
"""What is tuned here, on what, how."""
CHECKPOINTS = "checkpoints"
FINISHED = "tuned"


def tune(
    load: Callable[[], CausalLM],
    records: Sequence[Record],
    folder: Path,
    *,
    tuning: Tuning,
    seed: int,
    name: str,
    identity: Mapping[str, Any],
    devices: Sequence[str] = (),
) -> Path:
    """Tune what `load` returns on the replies of `records`; return the folder of the weights.

    `folder` gets `tuning.json` (the identity and the rows), checkpoints while it runs, and at the
    end `tuned/`: the adapter, or the whole model for full tuning. A finished folder is left as it
    is; an unfinished one goes on from its last whole checkpoint, to the same weights as without
    the interruption. A second process waits for the first, then finds what it made. `name` is what
    the adapter calls its base model. Several `devices` tune together, each in a process of its own.
    The model is let go of afterwards.

    Raises `SettingsError` if the tuning diverges (nothing is kept), `DataError` without records,
    `CacheError` if the folder holds another tuning,
    `OutputError` if it cannot be written.
    """
    if not records:
        raise DataError("there is no record to tune on: the seed set is empty")
    with _held(folder):
        _claim(folder, _description(records, identity))
        finished = folder / FINISHED
        if not finished.exists():
            with _forgotten_if_useless(folder):
                job = Job(load, records, tuning, folder / CHECKPOINTS, seed, finished, name)
                _done(job, devices)
            free_device_memory()
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        return finished


@contextlib.contextmanager
def _forgotten_if_useless(folder: Path) -> Iterator[None]:
    """Leave nothing of a tuning that cannot succeed: another run would go on from it."""
    try:
        yield
    except ModsError:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        (folder / CLAIM).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder: two processes must not write its checkpoints at once."""
    make_folder(folder)
    with contextlib.ExitStack() as held:
        with writing(folder):
            held.enter_context(locked(folder / LOCK, waiting=lambda: _tell_waiting(folder)))
        remove_drafts(folder)
        yield


def _tell_waiting(folder: Path) -> None:
    logger.info("%s: another process tunes here; waiting for it", folder)


def _description(records: Sequence[Record], identity: Mapping[str, Any]) -> dict[str, Any]:
    rows = json_digest([record.id for record in records])
    return {**identity, "rows": len(records), "row_ids": rows}


def _claim(folder: Path, description: dict[str, Any]) -> None:
    """Write down what the folder is for, or check that it is for this."""
    file = folder / CLAIM
    if not file.exists():
        write_json(file, description)
        return
    found = json.loads(file.read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(description))
    other = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    if other:
        raise CacheError(
            f"{folder} holds a tuning with another {', '.join(other)}; "
            "remove it or use another folder"
        )


def _done(job: Job, devices: Sequence[str]) -> None:
    """Train, with smaller micro-batches each time memory runs out; the global batch stays."""
    micro = min(job.tuning.batch_size, job.tuning.micro_batch)
    while True:
        try:
            return tune_together(job, micro, devices) if len(devices) > 1 else job.run(micro)
        except (RuntimeError, MemoryError) as error:
            if micro == 1 or not is_out_of_memory(error):
                raise
        # Outside the handler: the error's traceback would keep the model alive.
        free_device_memory()
        micro //= 2
        warnings.warn(f"out of memory: micro-batches of {micro} rows from here", stacklevel=2)

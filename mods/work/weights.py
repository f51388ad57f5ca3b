"""Weights: trained once, by one process at a time, and found again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import PluginError
from mods.files import locked, make_folder
from mods.interfaces import Weights
from mods.progress import noticing
from mods.spending import spending
from mods.work.store import Store, digest

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record
    from mods.work.work import Work

FOLDER = "tuned"
"""Where weights lie in the cache, and what the store of their notes is called."""
KEY = "weights"


@dataclass(frozen=True)
class Took:
    """What a tuning took when it was done."""

    rows: int
    tokens: int
    seconds: float
    loading: float
    pace: float | None
    """Seconds a token between the first batch and the last; None if the trainer does not say."""


def train(
    trainer: Part,
    rows: Sequence[Record],
    identity: Mapping[str, Any],
    work: Work,
    label: str = "tuning",
) -> Weights:
    """Have weights trained on rows, or find them where an earlier run left them.

    A second process that wants the same weights waits for the first. What it took goes under
    `label` into the costs. `PluginError` if the trainer returns no path.
    """
    folder = work.cache / FOLDER / digest(identity)
    make_folder(folder)

    def say_so() -> None:
        work.progress.say("another run trains the same weights: waiting for it")

    with (
        locked(folder.with_suffix(".lock"), waiting=say_so),
        noticing() as noticed,
        spending() as spent,
    ):
        done, start = took(identity, work), time.monotonic()
        path = trainer.call(trainer.object.train, rows, folder)
        seconds = time.monotonic() - start
        if not isinstance(path, (str, Path)) or not Path(path).exists():
            raise PluginError(
                f"{trainer}: train() returned {path!r}; expected the path of the weights"
            )
        cost = work.costs.of(label)
        cost.rows += len(rows)
        if done is None:
            cost.computed += len(rows)
            cost.add(seconds, spent)
            cost.bytes_written += size_of(Path(path))
            done = Took(len(rows), spent.tokens, seconds, spent.loading, spent.pace)
            cut = {rows[at].key for at in noticed.cut}
            with closing(Store(work.cache, FOLDER, identity)) as store:
                data = json.dumps(asdict(done)).encode()
                store.put([(KEY, data), *((key, b"") for key in cut)], noticed.notes, cut)
    return Weights(Path(path), identity)


def took(identity: Mapping[str, Any], work: Work) -> Took | None:
    """Return what a tuning took, in this run or an earlier one; None if it was not finished."""
    with closing(Store(work.cache, FOLDER, identity)) as store:
        data = store.get([KEY]).get(KEY)
    return Took(**json.loads(data)) if data else None


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder; 0 where there is nothing."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def noticed_of(
    identity: Mapping[str, Any], rows: Sequence[Record], work: Work
) -> tuple[list[str], list[int]]:
    """Return what was noticed while weights were trained, in this run or an earlier one.

    That is the notes, and the places of rows that could not be read whole.
    """
    with closing(Store(work.cache, FOLDER, identity)) as store:
        store.get([row.key for row in rows])
        return store.notes([KEY]), [at for at, row in enumerate(rows) if row.key in store.cut]

"""Weights: trained once, by one process at a time, and found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import PluginError
from mods.files import locked, make_folder
from mods.interfaces import Weights
from mods.progress import noticing
from mods.work.store import Store, digest

if TYPE_CHECKING:
    from mods.plugins.part import Part
    from mods.records import Record
    from mods.work.work import Work

FOLDER = "tuned"
"""Where weights lie in the cache, and what the store of their notes is called."""
KEY = "weights"


def train(
    trainer: Part, rows: Sequence[Record], identity: Mapping[str, Any], work: Work
) -> Weights:
    """Have weights trained on rows, or find them where an earlier run left them.

    A second process that wants the same weights waits for the first. `PluginError` if the trainer
    returns no path.
    """
    folder = work.cache / FOLDER / digest(identity)
    make_folder(folder)

    def say_so() -> None:
        work.progress.say("another run trains the same weights: waiting for it")

    with locked(folder.with_suffix(".lock"), waiting=say_so), noticing() as noticed:
        path = trainer.call(trainer.object.train, rows, folder)
        if not isinstance(path, (str, Path)) or not Path(path).exists():
            raise PluginError(
                f"{trainer}: train() returned {path!r}; expected the path of the weights"
            )
        if noticed.notes or noticed.cut:
            cut = {rows[at].key for at in noticed.cut}
            with closing(Store(work.cache, FOLDER, identity)) as store:
                store.put([(KEY, b""), *((key, b"") for key in cut)], noticed.notes, cut)
    return Weights(Path(path), identity)


def noticed_of(
    identity: Mapping[str, Any], rows: Sequence[Record], work: Work
) -> tuple[list[str], list[int]]:
    """Return what was noticed while weights were trained, in this run or an earlier one.

    That is the notes, and the places of rows that could not be read whole.
    """
    with closing(Store(work.cache, FOLDER, identity)) as store:
        store.get([row.key for row in rows])
        return store.notes([KEY]), [at for at, row in enumerate(rows) if row.key in store.cut]

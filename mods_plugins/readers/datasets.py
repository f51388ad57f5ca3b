"""Hugging Face datasets: folders and hub ids. Registers the reader `datasets`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mods import BrokenRow, DataError, RawRow, hookimpl
from mods.wording import needs_extra, one_line
from mods_plugins.readers.arrow import ROWS_AT_ONCE, arrow_errors, arrow_rows
from mods_plugins.readers.csv import CsvReader
from mods_plugins.readers.files import file_errors
from mods_plugins.readers.json import JsonReader
from mods_plugins.readers.jsonl import JsonLinesReader
from mods_plugins.readers.parquet import ParquetReader

if TYPE_CHECKING:
    from mods.interfaces import Register

NOT_SOURCES = (
    ".gz",
    ".npz",
    ".npy",
    ".pt",
    ".txt",
    ".md",
    ".xls",
    ".xlsx",
    ".zip",
    ".zst",
    ".bz2",
    ".xz",
    ".arrow",
    ".yaml",
)
"""Endings that make `data/name.txt` a missing file, not a hub id."""
FILE_READERS = (JsonReader, JsonLinesReader, CsvReader, ParquetReader)
"""What has one of their endings is a file too."""
MARKS = ("dataset_dict.json", "state.json")
"""Files of which a folder of `save_to_disk` holds one."""


class DatasetsReader:
    """A folder written by `datasets.save_to_disk`, or a dataset on the Hugging Face hub.

    `folder[:split]`, or `user/name[@revision][:split]`. Without a split: the only one, or `train`.
    Code that a hub repository brings along is never run.
    """

    understands = "datasets folders and hub ids (user/name[@revision][:split])"
    hub_id = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@([^\s:@]+))?(?::(\S+))?")

    def __init__(self, *, max_row_mb: int = 64) -> None:
        self.limit = max_row_mb << 20
        """Bytes of a row."""

    def matches(self, source: str) -> bool:
        """Say whether this is a datasets folder, or looks like a hub id and is no path."""
        if _datasets_folder(source) is not None:
            return True
        found = self.hub_id.fullmatch(source)
        if found is None or os.path.exists(source):
            return False
        endings = sum((reader.endings for reader in FILE_READERS), NOT_SOURCES)
        return not found[1].lower().endswith(endings)

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows; `DataError` if the dataset or the split is not there."""
        try:
            import datasets
        except ImportError as error:
            what = f"{source}: datasets folders and hub ids need"
            raise DataError(needs_extra(what, "datasets")) from error
        kinds = (datasets.exceptions.DatasetsError, ValueError)
        with file_errors(source), arrow_errors(source, "dataset", *kinds):
            dataset = _one_split(self._load(source), source)
            yield from arrow_rows(
                (
                    batch
                    for table in dataset.with_format("arrow").iter(ROWS_AT_ONCE)
                    for batch in table.to_batches()
                ),
                self.limit,
            )

    def _load(self, source: str) -> Any:
        """Return a dataset, or all splits of one."""
        import datasets

        folder = _datasets_folder(source)
        if folder is not None:
            path, split = folder
            loaded = datasets.load_from_disk(path)
            return _split(loaded, split, source) if split else loaded
        found = self.hub_id.fullmatch(source)
        if found is None:
            raise DataError(f"{source} is neither a datasets folder nor a hub id (user/name)")
        name, revision, split = found.groups()
        try:
            return datasets.load_dataset(name, revision=revision, split=split)
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"{source}: there is no such file or folder, and as a hub id it cannot be loaded: "
                f"{one_line(error)}"
            ) from error


def _datasets_folder(source: str) -> tuple[str, str] | None:
    """Return folder and split (or an empty text) if this is a datasets folder."""
    head, _, tail = source.rpartition(":")
    for folder, split in ((source, ""), (head, tail)):
        if folder and any(os.path.isfile(os.path.join(folder, name)) for name in MARKS):
            return folder, split
    return None


def _one_split(loaded: Any, source: str) -> Any:
    """Return a dataset; of several splits the only one or `train`."""
    if not isinstance(loaded, dict):
        return loaded
    names = list(loaded)
    return _split(loaded, names[0] if len(names) == 1 else "train", source)


def _split(loaded: Any, split: str, source: str) -> Any:
    """Return one split by name; `DataError` that lists the splits if it is not there."""
    if not isinstance(loaded, dict):
        raise DataError(f"{source}: the folder is one dataset without splits: leave out ':{split}'")
    if split not in loaded:
        raise DataError(
            f"{source} has no split {split!r}: choose from {', '.join(loaded)} with SOURCE:SPLIT"
        )
    return loaded[split]


@hookimpl
def register_readers(register: Register) -> None:
    """Register `datasets`."""
    register("datasets", DatasetsReader)

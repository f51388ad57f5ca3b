"""What an exporter must offer: it writes a selection the way a trainer reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mods.interfaces import Unscorable
    from mods.records import Record

JSON_LINES = "train.jsonl"
"""The file of rows of an exporter that does not say."""


@dataclass(frozen=True)
class Exported:
    """The rows that were written: what an exporter is told for the files beside them."""

    name: str
    """The name of the data set."""
    data: str
    """The file of rows."""
    rows: int
    columns: tuple[str, ...]
    """Every column that some row has."""


@runtime_checkable
class Exporter(Protocol):
    """Writes a selection the way a trainer reads it.

    Its factory may have the parameter `tuning` (`mods.settings.options.Tuning`): how the run tunes;
    a template in it is named by its hash. An attribute `data` names the file of rows, `train.jsonl`
    where there is none; one that ends in `.parquet` is written as Parquet.
    """

    def rows(self, records: Sequence[Record]) -> Sequence[Mapping[str, Any] | Unscorable]:
        """Return one row of plain JSON values per record, in order.

        `Unscorable` with the reason stands for a record that the trainer cannot take whole: it is
        refused and listed. Nothing of a record is left out without a word.
        """
        ...

    def files(self, exported: Exported) -> Mapping[str, str]:
        """Return the texts of the files beside the rows, by name: how the trainer is set up."""
        ...

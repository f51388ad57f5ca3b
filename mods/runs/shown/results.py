"""Finished runs as Python users get them: fresh from `select`, or opened from their folder."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import RunFolderError
from mods.files import to_json
from mods.runs.folder import SELECTED
from mods.runs.saved import SavedRun, Told, telling
from mods.runs.shown.rows import as_arrow, as_dataset, as_pandas, marks_of
from mods.runs.tables import receipt_table
from mods.selection.result import Result
from mods.wording import one_line, printable

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import pyarrow as pa


class Shown(ABC):
    """A finished run: shows itself in notebooks, and gives its rows as tables."""

    folder: Path | None
    manifest: Mapping[str, Any]

    @property
    @abstractmethod
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The selected rows in order of pick."""

    @property
    @abstractmethod
    def totals(self) -> Mapping[str, int]:
        """Rows by fate."""

    @abstractmethod
    def _told(self) -> Told:
        """Return what is told of every row."""

    def to_arrow(self, *, marks: bool = True) -> pa.Table:
        """Return the selected rows as a pyarrow table, one a row, in order of pick.

        First the columns of the rows, null where a row lacks one; then, unless `marks` is false,
        what the run says of each: `mods_order` (from 1), `mods_reason` (`seed`, `necessary`),
        `mods_source`, `mods_row`, `mods_id`, `mods_radius`, `mods_tokens`, and every score and
        `cut_STEP` of the receipts likewise.

        Raises `DataError` where a column holds values of several kinds, `SettingsError` where the
        rows have a column with the name of a mark.
        """
        return as_arrow(self.rows, self._marks(marks))

    def to_pandas(self, *, marks: bool = True) -> pd.DataFrame:
        """Return the selected rows as a data frame, columns as in `to_arrow`.

        Values are the Python objects of the rows. Raises `ModsError` without pandas,
        `SettingsError` as `to_arrow` does.
        """
        return as_pandas(self.rows, self._marks(marks))

    def to_dataset(self, *, marks: bool = True) -> datasets.Dataset:
        """Return the selected rows as a dataset, columns as in `to_arrow`.

        Raises `ModsError` without the extra `datasets`, and what `to_arrow` raises.
        """
        return as_dataset(self.rows, self._marks(marks))

    def _marks(self, wanted: bool) -> Any | None:
        return marks_of(self._told().receipts) if wanted else None

    def __repr__(self) -> str:
        """Say in a line how many rows were selected of how many."""
        totals = self.totals
        tokens = (self.manifest.get("tokens") or {}).get("selected")
        parts = [
            f"{totals['selected']:,} of {sum(totals.values()):,} rows selected",
            f"{totals['rejected']:,} rejected, {totals['quarantined']:,} quarantined",
            *([] if tokens is None else [f"{tokens:,} tokens"]),
            *([] if self.folder is None else [f"in {printable(str(self.folder))}"]),
        ]
        return f"<{type(self).__name__}: {'; '.join(parts)}>"

    def _repr_html_(self) -> str:
        from mods.runs.shown.notebook import in_html

        return in_html(self._told(), repr(self).strip("<>"))


@dataclass(frozen=True, repr=False)
class Selection(Result, Shown):
    """The rows to tune on, and a receipt for every input row."""

    manifest: Mapping[str, Any] = field(default_factory=dict)
    """All that makes the result, and what came out; see docs/run-folder.md."""
    folder: Path | None = None

    def _told(self) -> Told:
        return Told(json.loads(to_json(self.manifest)), receipt_table(self.receipts))


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """A finished run, opened from its folder; see `open_run`."""

    folder: Path
    _saved: SavedRun

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Read a run folder; `RunFolderError` if it holds no finished run."""
        return cls(folder, SavedRun.load(folder))

    @property
    def manifest(self) -> Mapping[str, Any]:  # type: ignore[override]
        """All that makes the result, and what came out; see docs/run-folder.md."""
        return self._saved.manifest

    @property
    def receipts(self) -> pa.Table:
        """One row per input row, in input order; columns as in docs/run-folder.md."""
        return self._saved.receipts

    @property
    def pool(self) -> pa.Table:
        """One row per row that passed alpha; columns as in docs/run-folder.md."""
        return self._saved.pool

    @cached_property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The selected rows as they were read, in order of pick.

        Raises `RunFolderError` for a broken file.
        """
        path = self.folder / SELECTED
        try:
            with path.open(encoding="utf-8") as file:
                return [dict(json.loads(line)) for line in file]
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error

    @property
    def totals(self) -> Mapping[str, int]:
        """Rows by fate."""
        totals: Mapping[str, int] = self.manifest["rows"]["totals"]
        return totals

    def _told(self) -> Told:
        return self._saved

    def _repr_html_(self) -> str:
        with telling(self.folder):
            return super()._repr_html_()

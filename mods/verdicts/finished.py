"""A finished run, and the data it read: what a verdict starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.api.inputs import Data, How, read_data
from mods.errors import DataError, SettingsError
from mods.interfaces import QUALITY
from mods.pool import Pool
from mods.runs.manifest import source_digest
from mods.runs.saved import SavedRun
from mods.selection.stage import score_name
from mods.settings.layers import make_settings
from mods.settings.run import RunSettings

if TYPE_CHECKING:
    from mods.data.reading import Reading
    from mods.plugins.registry import Registry
    from mods.progress import Progress

HASHED = "sha256:"
"""How a manifest names a template whose text it does not hold."""


@dataclass(frozen=True)
class FinishedRun:
    """A run folder, read."""

    folder: Path
    manifest: Mapping[str, Any]
    receipts: Sequence[Mapping[str, Any]]
    """One per input row, in input order."""
    quality: str
    """The column of the quality scores."""

    @classmethod
    def load(cls, folder: Path) -> FinishedRun:
        """Read a run folder; `RunFolderError` if it holds no finished run."""
        saved = SavedRun.load(folder)
        scorer = saved.manifest["makes"]["settings"].get("quality", {})
        quality = score_name(QUALITY, str(scorer.get("name", "")))
        return cls(folder, saved.manifest, saved.receipts.to_pylist(), quality)

    @property
    def sources(self) -> Mapping[str, str | None]:
        """The sources that the run read, with the hash of each that is a file."""
        sources: Mapping[str, str | None] = self.manifest["makes"]["inputs"]["sources"]
        return sources

    def settings(
        self, changed: Mapping[str, Any], overrides: Sequence[str], *, needs_model: bool = True
    ) -> RunSettings:
        """Return the settings of the run with some changed, to tune and to answer with.

        Raises `SettingsError` where the run tuned no model and none is named, and where the
        template was a file.
        """
        own = dict(self.manifest["makes"]["settings"])
        tuning = dict(own.get("tuning", {}))
        if str(tuning.get("template", "")).startswith(HASHED):
            del tuning["template"]
            if not any(text.startswith("tuning.template=") for text in overrides):
                raise SettingsError(
                    f"{self.folder}: the chat template of the run was a file; name it with "
                    "tuning.template=FILE in `set`"
                )
        layers = ((str(self.folder), {**own, "tuning": tuning}), ("verdict", changed))
        settings = make_settings(*layers, overrides=overrides)
        if settings.model is None and needs_model:
            raise SettingsError(
                f"{self.folder}: the run tuned no model; name the one to tune with `model`"
            )
        return settings

    def read(
        self, data: Data | None, settings: RunSettings, registry: Registry, progress: Progress
    ) -> Source:
        """Read the data of the run again; `DataError` if they are not there or not the same."""
        how = How(settings.schema, settings.columns, settings.encoding, settings.max_row_mb)
        if data is None:
            self._check_files()
            data = list(self.sources)
        reading = read_data(data, registry, how, progress)
        found = {(head.id, head.row) for head in reading.records.heads()}
        kept = [r for r in self.receipts if r["stage"] != "reading"]
        missing = [r for r in kept if (r["id"], r["row"]) not in found]
        if missing or len(found) != len(kept):
            which = f", the first is {missing[0]['source']}:{missing[0]['row']}" if missing else ""
            raise DataError(
                f"{self.folder}: the data are not those of the run: {len(kept):,} rows were read "
                f"then, {len(found):,} now, and {len(missing):,} are not the same{which}; name the "
                "files of the run with `data`, in their order"
            )
        receipts = {r["id"]: r for r in kept}
        records = [r for r in reading.records if self._usable(receipts[r.id])]
        pool = Pool(records, scores={
            QUALITY: np.array([receipts[r.id][self.quality] for r in records], dtype=np.float64)
        })  # fmt: skip
        selected = sorted((r for r in kept if r["fate"] == "selected"), key=lambda r: r["order"])
        return Source(pool, [r["id"] for r in selected], reading)

    def _usable(self, receipt: Mapping[str, Any]) -> bool:
        """Whether a row may be in an arm: it was read and scored whole."""
        return receipt["fate"] != "quarantined" and receipt.get(self.quality) is not None

    def _check_files(self) -> None:
        for source, digest in self.sources.items():
            if source == "<python>":
                raise DataError(
                    f"{self.folder}: the run was given rows, not files; give the same with `data`"
                )
            if digest is None:
                continue
            path = Path(source)
            if not path.is_file():
                raise DataError(
                    f"{source}, which {self.folder} was made from, is not there: name the files "
                    "of the run with `data`"
                )
            if source_digest(path) != digest:
                raise DataError(
                    f"{source} has changed since {self.folder} was made from it: give the file "
                    "as it was with `data`, or run the selection again"
                )


@dataclass(frozen=True)
class Source:
    """The rows that arms are made of."""

    pool: Pool
    """Every row that was read and scored, with its quality."""
    selected: Sequence[str]
    """Ids of the selected rows, in order of pick."""
    reading: Reading
    """The data of the run, as they were read."""

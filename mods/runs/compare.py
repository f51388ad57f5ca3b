"""Compares runs: what their selections share, and how their scorers agree."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.errors import SettingsError
from mods.runs.conversations import origins, read_briefly, read_conversations
from mods.runs.folder import CONVERSATIONS
from mods.runs.report.words import spearman
from mods.runs.saved import SCORES, SavedRun, telling
from mods.runs.whatif import floats

if TYPE_CHECKING:
    import numpy.typing as npt

ALONE = 20
"""So many rows that only one run selects are named."""
SNIPPET = 160
"""Characters of a row that are shown."""


@dataclass(frozen=True)
class Run:
    """What is compared of a run; rows are known by their id, whatever file they stand in."""

    name: str
    folder: Path
    saved: SavedRun
    selected: Mapping[str, tuple[str, int]]
    """Source and row by id, in order of pick."""
    comes_from: Mapping[str, str]
    """Where each row comes from, by id; see `mods.runs.conversations.origins`."""

    @classmethod
    def load(cls, folder: Path, name: str) -> Run:
        """Read a run folder; `RunFolderError` if it holds no finished run."""
        saved = SavedRun.load(folder)
        columns = ("id", "source", "row", "fate", "order")
        rows = zip(*(saved.receipts[name].to_pylist() for name in columns), strict=True)
        chosen = sorted((o or 0, id, s, r) for id, s, r, fate, o in rows if fate == "selected")
        known = origins(saved.receipts, read_briefly(folder / CONVERSATIONS))
        comes_from = dict(zip(saved.receipts["id"].to_pylist(), known, strict=True))
        selected = {id: (source, row) for _, id, source, row in chosen}
        return cls(name, folder, saved, selected, comes_from)

    def scores(self) -> dict[str, tuple[npt.NDArray[np.bytes_], npt.NDArray[np.float64]]]:
        """Return ids and scores of the scored rows, by score."""
        receipts = self.saved.receipts
        ids = np.array([id or "" for id in receipts["id"].to_pylist()], dtype="S64")
        found = {}
        for name in (n for start in SCORES for n in receipts.column_names if n.startswith(start)):
            values = floats(receipts[name])
            has = ~np.isnan(values) & (ids != b"")
            found[name] = ids[has], values[has]
        return found


def compare(folders: Sequence[Path]) -> dict[str, Any]:
    """Compare two runs or more, as plain JSON values.

    `runs` lists rows in, rows selected, and settings; `shared` is the matrix of rows that two runs
    both select, `overlap` that of their Jaccard index (0 to 1); `alone` says how many rows only one
    run selects, and names some; `sources` counts the selected rows by source; `scores` has the mean
    of each score, of all rows and of the selected ones; `agreement` is the matrix of Spearman's
    rank correlations of all scores (-1 to 1, none where too few rows have both).

    Raises `SettingsError` for fewer than two folders, `RunFolderError` for one without a run.
    """
    if len(folders) < 2:
        raise SettingsError("one run cannot be compared: name two run folders or more")
    runs = []
    for folder, name in zip(folders, names_of(folders), strict=True):
        with telling(folder):
            runs.append(Run.load(folder, name))
    with telling(folders[0].parent):
        return side_by_side(runs)


def side_by_side(runs: Sequence[Run]) -> dict[str, Any]:
    """Compare runs that were loaded."""
    chosen = [set(run.selected) for run in runs]
    times = Counter(id for ids in chosen for id in ids)
    return {
        "runs": [told(run) for run in runs],
        "shared": [[len(a & b) for b in chosen] for a in chosen],
        "overlap": [[len(a & b) / (len(a | b) or 1) for b in chosen] for a in chosen],
        "in all": sum(n == len(runs) for n in times.values()),
        "alone": [alone(run, times) for run in runs],
        "sources": sources(runs),
        "scores": scores(runs),
        "agreement": agreement(runs),
    }


def names_of(folders: Sequence[Path]) -> list[str]:
    """Name runs by as little of their paths as tells them apart."""
    paths = [Path(os.path.abspath(folder)).parts for folder in folders]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise SettingsError("a run folder is named twice")


def told(run: Run) -> dict[str, Any]:
    """Say what a run was asked for."""
    manifest = run.saved.manifest
    settings = manifest["makes"]["settings"]
    parts = {k: settings[k]["name"] for k in ("quality", "embedder", "selector", "necessity")
             if settings.get(k)}  # fmt: skip
    moved = {k: settings.get(k) for k in ("alpha", "beta", "seeds", "budget", "seed")}
    return {"name": run.name, "in": len(run.saved.receipts), "selected": len(run.selected),
            "settings": {**parts, **moved}}  # fmt: skip


def alone(run: Run, times: Mapping[str, int]) -> dict[str, Any]:
    """Say which rows only this run selects."""
    ids = [id for id in run.selected if times[id] == 1]
    wanted = set(ids[:ALONE])
    texts = {}
    for kept in read_conversations(run.folder / CONVERSATIONS):
        if kept.id in wanted:
            record = kept.record("", 0)
            texts[kept.id] = " ".join(record.instruction.split())[:SNIPPET]
    named = [
        {"id": id, "source": run.selected[id][0], "row": run.selected[id][1],
         "text": texts.get(id, "")}
        for id in ids[:ALONE]
    ]  # fmt: skip
    return {"rows": len(ids), "first": named}


def sources(runs: Sequence[Run]) -> dict[str, list[int]]:
    """Count the selected rows by source, in every run."""
    counts = [Counter(run.comes_from[id] for id in run.selected) for run in runs]
    return {source: [c[source] for c in counts] for source in sorted(set().union(*counts))}


def scores(runs: Sequence[Run]) -> dict[str, list[dict[str, Any] | None]]:
    """Return of each score how many rows have it, and its means, in every run."""
    found: dict[str, list[dict[str, Any] | None]] = {}
    for at, run in enumerate(runs):
        chosen = np.array(list(run.selected), dtype="S64")
        for name, (ids, values) in run.scores().items():
            of_selected = values[np.isin(ids, chosen)]
            found.setdefault(name, [None] * len(runs))[at] = {
                "rows": len(values), "mean": mean(values), "mean selected": mean(of_selected),
            }  # fmt: skip
    return found


def mean(values: npt.NDArray[np.float64]) -> float | None:
    """Return the mean, none where there is no value."""
    return float(values.mean()) if len(values) else None


def agreement(runs: Sequence[Run]) -> dict[str, Any]:
    """Return how all scores of all runs agree: rank correlations, and the rows that have both."""
    series = [
        (f"{run.name}: {name}", *unique(*pair))
        for run in runs
        for name, pair in run.scores().items()
    ]
    size = len(series)
    rho: list[list[float | None]] = [[1.0] * size for _ in series]
    rows = [[len(ids)] * size for _, ids, _ in series]
    for (i, (_, a, x)), (j, (_, b, y)) in itertools.combinations(enumerate(series), 2):
        _, at, of = np.intersect1d(a, b, assume_unique=True, return_indices=True)
        rho[i][j] = rho[j][i] = spearman(x[at], y[of])
        rows[i][j] = rows[j][i] = len(at)
    return {"scores": [name for name, _, _ in series], "rho": rho, "rows": rows}


def unique(
    ids: npt.NDArray[np.bytes_], values: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.float64]]:
    """Keep the first of every id."""
    found, first = np.unique(ids, return_index=True)
    return found, values[first]

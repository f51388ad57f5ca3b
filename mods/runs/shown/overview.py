"""The overview of a run, as plain JSON values: rows, scores with thresholds, reasons, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.runs.costs import total
from mods.runs.picture import LARGEST, span_of
from mods.runs.report.gather import codes, kinds_of_reasons, reasons_by_stage, score_told
from mods.runs.report.words import settings_told
from mods.runs.saved import SCORES
from mods.runs.whatif import floats

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.runs.costs import StageCosts
    from mods.runs.saved import Told

BINS = 32
"""Bins of a histogram: as many as fit on a line of a terminal."""


def overview(told: Told, stages: Mapping[str, StageCosts] | None = None) -> dict[str, Any]:
    """Return what is worth knowing of a run; `stages` are its costs, where they are known.

    `scores`: of every score its histogram (`counts`, `BINS` of equal width from `low` to `high`;
    scores beyond are counted at the ends) and its threshold. `reasons`: stage, fate, reason and
    number of rows, most rows first. `costs` is None where they are not known.
    """
    manifest = told.manifest
    whole = None if stages is None else total(stages)
    return {
        "mods": manifest.get("mods"),
        "settings": settings_told(manifest),
        "rows": manifest["rows"],
        "tokens": manifest.get("tokens"),
        "scores": scores(told),
        "reasons": reasons(told),
        "notices": [str(notice) for notice in manifest.get("notices", [])],
        "costs": whole
        and {"seconds": whole.seconds, "loading": whole.loading, "tokens": whole.tokens},
    }


def scores(told: Told) -> list[dict[str, Any]]:
    """Return the histogram of every score, with its threshold: `setting`, `asked`, `score`."""
    names = [n for start in SCORES for n in told.receipts.column_names if n.startswith(start)]
    found = []
    for name in names:
        values = floats(told.receipts[name])
        about = score_told(name, values, told)
        setting = about["threshold"]
        cut = {"setting": setting, **told.manifest["thresholds"][setting]} if setting else None
        found.append({**about, "threshold": cut, **histogram(values[~np.isnan(values)])})
    return found


def histogram(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Count values in bins over the range that nearly all are in; empty where there are none."""
    if not len(values):
        return {"low": None, "high": None, "counts": []}
    values = np.clip(values, -LARGEST, LARGEST)
    low, high = span_of(values)
    counts = np.histogram(np.clip(values, low, high), bins=BINS, range=(low, high))[0]
    return {"low": low, "high": high, "counts": counts.tolist()}


def reasons(told: Told) -> list[dict[str, Any]]:
    """Count the kinds of reasons; numbers that differ from row to row are left out of them."""
    receipts = told.receipts
    names = {name: codes(receipts[name]) for name in ("stage", "fate")}
    names["reason"] = codes(kinds_of_reasons(receipts["reason"].to_pylist()))
    keys = ("stage", "fate", "reason", "rows")
    return [dict(zip(keys, found, strict=True)) for found in reasons_by_stage(names)]

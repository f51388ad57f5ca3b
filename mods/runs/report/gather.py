"""Gathers what the page shows of a run, apart from the texts: columns by row, and what is said."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods.runs.report.packing import Column
from mods.runs.report.words import correlation, knee, near_duplicates, settings_told
from mods.runs.saved import SCORES
from mods.runs.whatif import Facts, floats, in_rows, twins
from mods.selection.stage import score_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.runs.saved import SavedRun, Told

MOST_REASONS = 40
"""So many kinds of reasons can be chosen among; the rarer ones are one kind together."""
NO_PLACE = 0xFFFF
"""Stands for a row without a place on the map."""


def gather(
    saved: SavedRun, characters: Sequence[int], comes_from: Sequence[str]
) -> tuple[dict[str, Any], list[Column]]:
    """Return what is said of a run, as plain JSON values, and its columns.

    `characters` are those of each row's reply, -1 where there is none; `comes_from` says where each
    row comes from, see `mods.runs.conversations.origins`.
    """
    import pyarrow as pa

    receipts = saved.receipts
    names = dict(zip(("source", "fate", "stage"), map(codes, (
        receipts["source"], receipts["fate"], receipts["stage"])), strict=True))  # fmt: skip
    names["origin"] = codes(pa.chunked_array([pa.array(comes_from, pa.string())]))
    names["reason"] = codes(kinds_of_reasons(receipts["reason"].to_pylist()))
    columns = [Column.of_codes(name, values) for name, (_, values) in names.items()]
    held = [n for start in SCORES for n in receipts.column_names if n.startswith(start)]
    scores = {name: floats(receipts[name]) for name in held}
    lengths = lengths_of(saved, characters)
    columns += numbers(saved)
    columns += [Column.of_floats(name, values) for name, values in scores.items()]
    columns += [Column("length_" + n, "i4", v.astype(np.int32)) for n, v in lengths.items()]
    columns += cut(receipts)
    columns.append(Column.of_codes("twin", twins(saved)))
    meta = {
        **told(saved),
        "names": {name: labels for name, (labels, _) in names.items()},
        "scores": [score_told(name, values, saved) for name, values in scores.items()],
        "lengths": list(lengths),
        "correlations": [
            correlation(score, length, scores[score], np.where(v < 0, np.nan, v))
            for score in scores
            for length, v in lengths.items()
        ],
        "reasons": reasons_by_stage(names),
        "curves": curves(saved),
        "near": near_duplicates(saved, scores),
        "cut": [n.removeprefix("cut_") for n in cut_names(receipts)],
        "what_if": what_if_told(saved),
        "columns": [column.told() for column in columns],
        "count": len(receipts),
    }
    return meta, columns


def told(saved: SavedRun) -> dict[str, Any]:
    """What the manifest says, in the order of the page."""
    manifest = saved.manifest
    return {
        "mods": manifest.get("mods"),
        "rows": manifest["rows"],
        "notices": [str(notice) for notice in manifest.get("notices", [])],
        "settings": settings_told(manifest),
        "thresholds": manifest["thresholds"],
        "environment": manifest.get("environment", {}),
    }


def codes(column: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the different values of a column of texts, and the place of each row's among them."""
    found = column.fill_null("").combine_chunks().dictionary_encode()
    return found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64)


def kinds_of_reasons(reasons: Sequence[str | None]) -> Any:
    """Return reasons without the numbers that differ from row to row, as a column of texts."""
    import pyarrow as pa

    split = [split_reason(reason or "") for reason in reasons]
    first: dict[tuple[str, ...], list[str | None]] = {}
    for words, numbers in split:
        known = first.setdefault(words, list(numbers))
        for i, (a, b) in enumerate(zip(known, numbers, strict=True)):
            known[i] = a if a == b else None
    named = {words: joined(words, numbers) for words, numbers in first.items()}
    common = {words for words, _ in Counter(words for words, _ in split).most_common(MOST_REASONS)}
    kinds = [named[words] if words in common else "another reason" for words, _ in split]
    return pa.chunked_array([pa.array(kinds, pa.string())])


def split_reason(reason: str) -> tuple[tuple[str, ...], list[str | None]]:
    """Split a reason into words and the numbers between them."""
    if reason.startswith("duplicate of "):
        return ("duplicate of another row",), []
    parts = re.split(r"((?<!\w)[-+]?\d[\d.,]*(?:e[-+]?\d+)?)", reason)
    return tuple(parts[::2]), list(parts[1::2])


def joined(words: Sequence[str], numbers: Sequence[str | None]) -> str:
    """Join words and numbers again; a number that differs is an ellipsis."""
    between = [number or "…" for number in numbers]
    return "".join(part for pair in zip(words, [*between, ""], strict=True) for part in pair)


def numbers(saved: SavedRun) -> list[Column]:
    """Return the columns that are numbers in every run."""
    receipts, pool, places = saved.receipts, saved.pool, saved.places()

    def of_pool(values: npt.NDArray[Any], none: float, kind: str) -> npt.NDArray[Any]:
        column = np.full(len(receipts), none, kind)
        column[places] = values
        return column

    of = {where: at for at, where in enumerate(saved.wheres(receipts))}
    pairs = zip(pool["nearest_source"].to_pylist(), pool["nearest_row"].to_pylist(), strict=True)
    nearest = np.array([of.get(pair, -1) for pair in pairs], np.int32)
    x, y = on_map(floats(pool["x"])), on_map(floats(pool["y"]))
    return [
        Column("row", "f8" if wide(receipts["row"]) else "i4", floats(receipts["row"]), steps=True),
        Column("order", "i4", np.nan_to_num(floats(receipts["order"]), nan=0)),
        Column("radius", "f4", floats(receipts["radius"])),
        Column("pool", "u1", of_pool(np.ones(len(places)), 0, "u1")),
        Column("x", "u2", of_pool(x, NO_PLACE, "f8")),
        Column("y", "u2", of_pool(y, NO_PLACE, "f8")),
        Column("nearest", "i4", of_pool(nearest, -1, "i4")),
        Column("distance", "f4", of_pool(floats(pool["distance"]), np.nan, "f8")),
    ]


def wide(column: Any) -> bool:
    """Whether row numbers take more than 32 bits."""
    return float(np.nanmax(floats(column), initial=0)) > np.iinfo(np.int32).max


def on_map(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return places as whole numbers from 0 to 65,534, or 65,535 where there is none."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), NO_PLACE, np.float64)
    low, high = values[known].min(), values[known].max()
    spread = (values - low) / ((high - low) or 1) * (NO_PLACE - 1)
    return np.where(known, np.round(spread), NO_PLACE)


def lengths_of(saved: SavedRun, characters: Sequence[int]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the lengths of replies, -1 where there is none: characters, tokens if counted."""
    receipts = saved.receipts
    found = {}
    counted = receipts["tokens"] if "tokens" in receipts.column_names else None
    if counted is not None and counted.null_count < len(counted):
        found["tokens"] = floats(counted)
    elif saved.pool["tokens"].null_count < saved.pool.num_rows:
        found["tokens"] = np.full(len(receipts), np.nan)
        found["tokens"][saved.places()] = floats(saved.pool["tokens"])
    if max(characters, default=-1) >= 0:
        found["characters"] = np.array(characters, np.float64)
    return {name: np.nan_to_num(values, nan=-1) for name, values in found.items()}


def cut_names(receipts: Any) -> list[str]:
    """The columns that say which step could not read a row whole."""
    return [name for name in receipts.column_names if name.startswith("cut_")]


def cut(receipts: Any) -> list[Column]:
    """Return one bit a step that could not read a row whole."""
    bits = np.zeros(len(receipts), np.int64)
    for at, name in enumerate(cut_names(receipts)[:31]):
        bits |= receipts[name].fill_null(False).to_numpy().astype(np.int64) << at
    return [Column.of_codes("cut", bits)]


def score_told(name: str, values: npt.NDArray[np.float64], saved: Told) -> dict[str, Any]:
    """Say which threshold a score was held against, if any."""
    settings = saved.manifest["makes"]["settings"]
    held = {"quality": "alpha", "necessity": "beta"}
    of = [(k, t) for k, t in held.items() if settings.get(k)]
    threshold = next((t for k, t in of if score_name(k, settings[k]["name"]) == name), None)
    return {"name": name, "threshold": threshold if threshold in saved.manifest["thresholds"]
            else None, "rows": int((~np.isnan(values)).sum())}  # fmt: skip


def reasons_by_stage(names: Mapping[str, tuple[list[str], npt.NDArray[np.int64]]]) -> list[Any]:
    """Return `[stage, fate, reason, rows]` for all that occur, most rows first."""
    labels = [names[name][0] for name in ("stage", "fate", "reason")]
    rows = np.stack([names[name][1] for name in ("stage", "fate", "reason")], axis=1)
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    found = [
        [*(label[i] for label, i in zip(labels, kind, strict=True)), int(count)]
        for kind, count in zip(kinds.tolist(), counts, strict=True)
    ]
    return sorted(found, key=lambda one: (-one[3], one))


def curves(saved: SavedRun) -> list[dict[str, Any]]:
    """Say where the covering radius flattens, of seeds and of necessary rows."""
    from mods.runs.picture import picked

    found = []
    for reason in ("seed", "necessary"):
        rows = picked(saved, reason)
        rows = rows.filter(rows["radius"].is_valid())
        if rows.num_rows:
            order, radius = rows["order"].to_numpy(), floats(rows["radius"])
            found.append({"reason": reason, **knee(order, radius)})
    return found


def what_if_told(saved: SavedRun) -> dict[str, Any] | None:
    """What the page needs to know to move the settings; none where they are in tokens."""
    settings = saved.manifest["makes"]["settings"]
    if not in_rows(settings):
        return None
    facts = Facts.of(saved)
    own = facts.own
    named = {k: score_name(k, settings[k]["name"]) for k in ("quality", "necessity")
             if settings.get(k)}  # fmt: skip
    known = {k: name for k, name in named.items() if name in saved.receipts.column_names}
    return {
        "own": {"alpha": str(own.alpha), "beta": str(own.beta), "seeds": own.seeds,
                "budget": own.budget},
        "in_order": facts.in_order,
        **{kind: known.get(kind) for kind in ("quality", "necessity")},
        "command": shlex.join(command_of(saved.manifest)),
    }  # fmt: skip


def command_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the `mods run` that makes this run again, without what can be moved."""
    from mods.settings.layers import make_settings
    from mods.settings.recipes import load_recipe

    makes = manifest["makes"]
    settings = makes["settings"]
    usual = load_recipe("default")
    base = make_settings(("default", {**usual, "model": "any"})).as_dict()
    words = ["mods", "run", *makes["inputs"]["sources"], "-o", "NEW"]
    for name, value in settings.items():
        if name in MOVED or value in (None, {}) or (value == base.get(name) and name != "model"):
            continue
        option = flag(name)
        if name in ("tuning", "generation"):
            changed = {k: v for k, v in value.items() if v != base[name].get(k)}
            words += overrides(name, changed)
        elif isinstance(value, Mapping) and "name" in value:
            given = ",".join(f"{k}={spelt(v)}" for k, v in value.items() if k != "name")
            words += [option, f"{value['name']}:{given}" if given else value["name"]]
        elif isinstance(value, Mapping):
            words += [option, ",".join(f"{k}={v}" for k, v in value.items())]
        else:
            words += [option, spelt(value)]
    return words


def overrides(stage: str, changed: Mapping[str, Any]) -> list[str]:
    """Write inner settings as options; a template is kept as its hash alone, and is left out."""
    words = []
    for key, value in changed.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        pairs = {f"{stage}.{key}.{k}".rstrip("."): v for k, v in inner.items()}
        words += [w for k, v in pairs.items() if not str(v).startswith("sha256:")
                  for w in (flag("set"), f"{k}={spelt(v)}")]  # fmt: skip
    return words


MOVED = ("alpha", "beta", "seeds", "budget")


def flag(setting: str) -> str:
    """Return the option of a setting."""
    return f"--{setting.replace('_', '-')}"


def spelt(value: Any) -> str:
    """Write a setting as the command line reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

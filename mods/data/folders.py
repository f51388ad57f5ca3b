"""Folders of data files: which are read, which are left out, and why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mods.errors import DataError

SPLITS: Mapping[str, str] = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
"""The split each word in a file name stands for."""
WORDS = re.compile(r"[^a-z]+")
INDEX_FILES = {
    "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json",
    "config.json", "package.json", "metadata.json",
}  # fmt: skip
"""Files that describe data sets."""
NO_DATA = ("readme", "license", "licence", "notice", "changelog")
"""How the names of files begin that hold no rows."""
TRAINER_INDEX = "dataset_info.json"
"""Where LLaMA-Factory says which file has which columns."""
TRAINER_FIELDS: Mapping[str, Mapping[str, str]] = {
    "alpaca": {
        "prompt": "instruction", "query": "input", "response": "output", "history": "history",
        "system": "system", "tools": "tools",
    },
    "sharegpt": {"messages": "conversations", "system": "system", "tools": "tools"},
    "ranking": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", "system": "system"},
}  # fmt: skip
"""By form of the rows: the field each of its columns is."""


@dataclass
class Listing:
    """The files of a folder that are read."""

    files: list[str] = field(default_factory=list)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """By file: column by field, where an index of the folder says so."""
    notes: list[str] = field(default_factory=list)
    """What was left out, and why."""


def list_folder(folder: str, split: str, is_data: Callable[[str], bool]) -> Listing:
    """Return the data files of a folder, of `split` or else of all but held-out splits.

    Files lie in the folder itself, in `data/`, or in folders that are named after splits.
    """
    left: list[str] = []
    by_split: dict[str, list[str]] = {}
    named = trainer_index(folder)
    for name in names_of(folder):
        path = os.path.join(folder, name)
        if is_index(name):
            left.append(f"{name} (no rows)")
        elif not (os.path.isfile(path) and is_data(path)):
            left.append(f"{name} (no data file)")
        elif named and name not in named:
            left.append(f"{name} (not among the rows that {TRAINER_INDEX} names)")
        else:
            by_split.setdefault(split_of(name), []).append(path)
    found = Listing()
    found.files = chosen(folder, by_split, split, left)
    found.columns = {
        path: named[name]
        for path in found.files
        if named.get(name := os.path.relpath(path, folder))
    }
    if found.columns:
        names = ", ".join(os.path.relpath(path, folder) for path in found.columns)
        found.notes.append(f"{folder}: the columns of {names} are as {TRAINER_INDEX} says")
    if left:
        found.notes.append(f"{folder}: left out: {', '.join(left)}")
    return found


def chosen(folder: str, by_split: dict[str, list[str]], split: str, left: list[str]) -> list[str]:
    """Return the files of a split; without one: `train`, and what belongs to no split."""
    if split:
        wanted = {SPLITS.get(split, split)}
        if not wanted & by_split.keys():
            there = ", ".join(name for name in by_split if name) or "none"
            raise DataError(f"{folder} has no split {split!r}: there is {there}")
    else:
        wanted = {"train", ""} & by_split.keys() or set(by_split)
        if len(wanted) > 1 and wanted != {"train", ""}:
            raise DataError(
                f"{folder} has the splits {' and '.join(sorted(wanted))}, but none to train on: "
                f"say which with {folder}:SPLIT"
            )
    for name, files in by_split.items():
        if name not in wanted:
            of = f"split {name}: {folder}:{name} reads it" if name else "of no split"
            left += [f"{os.path.relpath(path, folder)} ({of})" for path in files]
    return sorted(path for name in wanted for path in by_split[name])


def names_of(folder: str) -> Iterator[str]:
    """Yield the names of files that are not hidden, in order; `DataError` if it cannot be read."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isdir(path):
                yield name
            elif name == "data" or name in SPLITS:
                inside = sorted(os.listdir(path))
                yield from (os.path.join(name, n) for n in inside if not n.startswith("."))
            else:
                yield f"{name}{os.sep}"
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def is_index(name: str) -> bool:
    """Say whether a file is known to hold no rows."""
    name = os.path.basename(name).lower()
    return name in INDEX_FILES or name.startswith(NO_DATA) or name.endswith(".lock")


def split_of(name: str) -> str:
    """Return the split that a file belongs to by its name or folder, or nothing."""
    folder, file = os.path.split(name.lower())
    if folder in SPLITS:
        return SPLITS[folder]
    stem = file.partition(".")[0]
    return next((SPLITS[word] for word in WORDS.split(stem) if word in SPLITS), "")


def trainer_index(folder: str) -> dict[str, dict[str, str]]:
    """Return the columns of the files that LLaMA-Factory's index names; nothing without one.

    Files whose rows have no answer (pre-training) are none of them.
    """
    try:
        with open(os.path.join(folder, TRAINER_INDEX), encoding="utf-8") as file:
            index = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    entries = index.values() if isinstance(index, dict) else ()
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        name = entry.get("file_name") if isinstance(entry, dict) else None
        if isinstance(name, str) and os.path.isfile(os.path.join(folder, name)):
            columns = trainer_columns(entry)
            if columns is not None:
                found[os.path.normpath(name)] = columns
    return found


def trainer_columns(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Return column by field of one entry; None if its rows have no answers."""
    given = entry.get("columns")
    if not isinstance(given, Mapping) or not given:
        return {}
    form = "ranking" if entry.get("ranking") else str(entry.get("formatting", "alpaca"))
    fields = TRAINER_FIELDS.get(form, {})
    columns = {fields[n]: c for n, c in given.items() if n in fields and isinstance(c, str)}
    if form == "alpaca" and given.keys() <= {"prompt"}:
        return None
    return columns if len(set(columns.values())) == len(columns) else {}

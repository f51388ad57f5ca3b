"""The folder of an export: rows, the trainer's files, refused rows, the recipe and the card."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mods.errors import OutputError, PluginError, RunFolderError, SettingsError
from mods.files import (
    file_digest,
    json_digest,
    make_folder,
    remove_drafts,
    to_json,
    write_file,
    write_json,
    write_lines,
    write_table,
)
from mods.interfaces import Unscorable
from mods.interfaces.exports import JSON_LINES, Exported
from mods.plugins.part import Part
from mods.records import Record
from mods.runs.export.card import RECIPE, REFUSED, Told, card, named
from mods.runs.export.recipe import recipe_of
from mods.runs.export.selected import licences, selected_records
from mods.runs.saved import SavedRun, telling
from mods.wording import shorten

Order = Literal["pick", "shuffled"]
ORDERS: tuple[Order, ...] = ("pick", "shuffled")
CARD, EXPORT = "README.md", "export.json"
DONE, UNFINISHED = "done", "unfinished"
OWN = (CARD, EXPORT, RECIPE, REFUSED)
"""Files that every export has, or may have."""
AT_ONCE = 256
"""Rows that an exporter is given at a time."""


@dataclass(frozen=True)
class Refusal:
    """A selected row that the trainer cannot take, and why."""

    source: str
    row: int
    id: str
    reason: str


@dataclass(frozen=True)
class Export:
    """What was written."""

    folder: Path
    selected: int
    exported: int
    refused: tuple[Refusal, ...]
    files: Mapping[str, str]
    """SHA-256 by name, of every file but `export.json`, which lists them."""


@dataclass(frozen=True)
class How:
    """How a selection is exported."""

    order: Order = "pick"
    seed: int = 0
    licence: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Refuse an order that there is not."""
        if self.order not in ORDERS:
            raise SettingsError(f"`order` {self.order!r}: expected {' or '.join(ORDERS)}")

    @property
    def told(self) -> str:
        """The order in words."""
        return self.order if self.order == "pick" else f"{self.order}, seed {self.seed}"


def write_export(
    saved: SavedRun, run: Path, part: Part, target: Path, how: How, *, to: str
) -> Export:
    """Write the selection of a run for one trainer; `export.json` comes last.

    `to` is the exporter as it was asked for, options included.
    Raises `OutputError` for a folder in use, `RunFolderError` for a run that cannot be told,
    `PluginError` where the exporter breaks a rule.
    """
    older = check_target(target, run, overwrite=how.overwrite)
    records = ordered(selected_records(saved, run), how)
    rows, refused = rows_of(part, records)
    if not rows:
        raise SettingsError(
            f"{part.name} takes none of the {len(records):,} selected rows; the first: "
            f"{refused[0].reason if refused else 'there is none'}"
        )
    exported = Exported(
        target.resolve().name,
        data_file(part),
        len(rows),
        tuple(dict.fromkeys(column for row in rows for column in row)),
    )
    texts = checked_texts(part.call(part.object.files, exported), exported.data, part)
    with telling(run):
        texts[RECIPE] = recipe_of(saved.manifest["makes"]["settings"])
    names = [exported.data, *texts, *([REFUSED] if refused else [])]
    claim(target, older, [*names, CARD])
    write_parts(target, exported.data, rows, texts, listed(refused, saved))
    files = {name: file_digest(target / name) for name in names}
    told = Told(saved.manifest, exported, to, len(records), len(refused), how.told,
                how.licence, licences(run), tuple(files.items()))  # fmt: skip
    with telling(run):
        text = card(told)
    write_text(target / CARD, text)
    files[CARD] = file_digest(target / CARD)
    made = Export(target, len(records), len(rows), tuple(refused), files)
    write_json(target / EXPORT, as_json(made, part, how, saved))
    return made


def write_parts(
    target: Path,
    data: str,
    rows: Iterable[Mapping[str, Any]],
    texts: Mapping[str, str],
    refused: Sequence[Mapping[str, Any]],
) -> None:
    """Write rows, texts by the names of their files, and the list of refused rows if any."""
    write_rows(target / data, rows)
    for name, text in texts.items():
        write_text(target / name, text)
    if refused:
        write_lines(target / REFUSED, refused)


def listed(refused: Sequence[Refusal], saved: SavedRun) -> list[dict[str, Any]]:
    """Return refused rows for a folder that is passed on: without folders of this machine."""
    digests = saved.manifest["makes"]["inputs"]["sources"]
    return [{**vars(r), "source": named(r.source, digests.get(r.source))} for r in refused]


def as_json(made: Export, part: Part, how: How, saved: SavedRun) -> dict[str, Any]:
    """Return what `export.json` holds."""
    return {
        "status": DONE,
        "exporter": part.identity,
        "order": how.told,
        "rows": {"selected": made.selected, "exported": made.exported,
                 "refused": len(made.refused)},
        "run": {"mods": saved.manifest.get("mods"), "makes": json_digest(saved.manifest["makes"])},
        "files": dict(made.files),
    }  # fmt: skip


def check_target(target: Path, run: Path, *, overwrite: bool) -> list[str]:
    """Refuse a folder in use; return the files of an older export, which are to go.

    An unfinished one has left nothing that anybody could use, so it is no obstacle.
    """
    if target.exists() and not target.is_dir():
        raise OutputError(f"`output` {target}: a file is in the way; choose a folder")
    if target.resolve() == run.resolve():
        raise OutputError(f"`output` {target} is the run folder itself; choose another folder")
    if not target.exists() or not any(target.iterdir()):
        return []
    status, files = older_export(target)
    if status == DONE and not overwrite:
        raise OutputError(
            f"`output` {target} holds an export already; choose another folder, or give "
            "`overwrite` to replace it"
        )
    return files


def older_export(target: Path) -> tuple[object, list[str]]:
    """Return status and files of an older export; `OutputError` where the folder holds none."""
    try:
        told = json.loads((target / EXPORT).read_text(encoding="utf-8"))
        names = list(told["files"])
        if all(isinstance(name, str) and is_name(name) for name in names):
            return told["status"], names
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise OutputError(
        f"`output` {target}: the folder holds files but no export ({EXPORT}); choose another one"
    )


def claim(target: Path, older: Sequence[str], names: Sequence[str]) -> None:
    """Make the folder an unfinished export of some files, and clear it of an older one."""
    make_folder(target)
    remove_drafts(target)
    write_json(target / EXPORT, {"status": UNFINISHED, "files": dict.fromkeys([*older, *names])})
    for name in older:
        (target / name).unlink(missing_ok=True)


def is_name(name: str) -> bool:
    """Say whether a text is the plain name of a file, which leads nowhere else."""
    return bool(name) and name == Path(name).name and not name.startswith(".")


def ordered(records: list[Record], how: How) -> list[Record]:
    """Return the records in the order that was asked for; the same for the same seed."""
    if how.order == "shuffled":
        records = records.copy()
        random.Random(how.seed).shuffle(records)
    return records


def rows_of(part: Part, records: Sequence[Record]) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Have the exporter write every record; exported + refused = selected, asserted."""
    rows: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    for at in range(0, len(records), AT_ONCE):
        some = records[at : at + AT_ONCE]
        written = part.call(part.object.rows, some)
        for record, row in zip(some, checked_rows(written, len(some), part), strict=True):
            if isinstance(row, Unscorable):
                refused.append(Refusal(record.source, record.row, record.id, row.reason))
            else:
                rows.append(row)
    assert len(rows) + len(refused) == len(records)
    return rows, refused


def checked_rows(written: Any, n: int, part: Part) -> list[dict[str, Any] | Unscorable]:
    """Return n rows or `Unscorable`s; anything else is a `PluginError`."""
    if not isinstance(written, Sequence) or isinstance(written, (str, bytes)) or len(written) != n:
        raise PluginError(f"{part} must return one row per record, in order")
    rows: list[dict[str, Any] | Unscorable] = []
    for row in written:
        if not isinstance(row, (Mapping, Unscorable)) or not row:
            raise PluginError(f"{part} returned {shorten(row)}; expected an object with columns, "
                              "or mods.Unscorable(reason)")  # fmt: skip
        rows.append(row if isinstance(row, Unscorable) else dict(row))
    return rows


def data_file(part: Part) -> str:
    """Return the name of the file of rows."""
    name = getattr(part.object, "data", JSON_LINES)
    if not (isinstance(name, str) and is_name(name) and name not in OWN):
        raise PluginError(f"{part}: data is {name!r}; expected the name of a file")
    return name


def checked_texts(texts: Any, data: str, part: Part) -> dict[str, str]:
    """Return texts by plain names that are not taken; anything else is a `PluginError`."""
    good = isinstance(texts, Mapping) and all(
        isinstance(name, str) and is_name(name) and isinstance(text, str)
        for name, text in texts.items()
    )
    if not good:
        raise PluginError(f"{part}: `files` must return texts by the names of files")
    taken = sorted(texts.keys() & {*OWN, data})
    if taken:
        raise PluginError(f"{part}: `files` names {taken[0]!r}, which every export has itself")
    return dict(texts)


def write_rows(target: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines, or as Parquet where the name says so."""
    if target.suffix != ".parquet":
        write_lines(target, rows)
        return
    import pyarrow as pa

    # Through JSON, so that both forms hold the same.
    plain = [json.loads(to_json(row)) for row in rows]
    try:
        table = pa.Table.from_pylist(plain)
    except pa.ArrowException as error:
        raise RunFolderError(f"the rows have no one form for {target.name}: {error}") from error
    write_table(target, table)


def write_text(target: Path, text: str) -> None:
    """Write a text in one step."""
    write_file(target, lambda file: file.write(text.encode("utf-8", "backslashreplace")))

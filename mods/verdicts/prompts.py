"""The prompts of a verdict: sets of conversations, with references where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api import How, read_data
from mods.data.build import record_of
from mods.data.fields import FIELDS
from mods.data.layout import Layout
from mods.data.values import RowError, is_empty, is_list
from mods.errors import DataError
from mods.files import file_digest
from mods.records import BrokenRow, RawRow

if TYPE_CHECKING:
    from mods.interfaces import Reader
    from mods.plugins.registry import Registry
    from mods.progress import Progress
    from mods.records import Record

NO_REFERENCE = "\x00no reference\x00"
"""Stands for the response of a row that has none: readers of data take no row without one."""
REFERENCE = "reference"
"""A column that test sets keep their references in, besides those that every reader knows."""


@dataclass(frozen=True)
class PromptSet:
    """Prompts of one file."""

    name: str
    file: str
    sha256: str | None
    prompts: Sequence[Record]
    """The reply of a prompt is its reference, or `NO_REFERENCE`."""
    left_out: int = 0
    """Rows that are no prompts."""

    @property
    def references(self) -> int:
        """How many prompts have a reference."""
        return sum(map(has_reference, self.prompts))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "prompts": len(self.prompts),
            "references": self.references,
            "file": Path(self.file).name,
            "sha256": self.sha256,
            **({"left_out": self.left_out} if self.left_out else {}),
        }


def has_reference(prompt: Record) -> bool:
    """Say whether a prompt has a reference."""
    return prompt.reply.content != NO_REFERENCE


def read_prompts(
    files: Sequence[str | Path], registry: Registry, how: How, progress: Progress
) -> list[PromptSet]:
    """Read every file as a set of its own; `DataError` names one without a usable row.

    Rows may be of any schema; one without a response is a prompt without a reference. A prompt
    that a set repeats is taken once.
    """
    if not files:
        raise DataError("no prompts were given: name at least one file with `prompts`")
    sets: dict[str, PromptSet] = {}
    for file in map(str, files):
        reading = read_data([file], registry, how, progress, Prompting.of)
        if reading.broken:
            first = reading.broken[0]
            progress.note(
                f"{file}: {len(reading.broken):,} rows are no prompts and were left out, the first "
                f"is row {first.row}: {first.reason}"
            )
        name = Path(file).name.split(".")[0] or Path(file).name
        if name in sets:
            name = str(file)
        if name in sets:
            raise DataError(f"the prompts {file} were given twice: name every file once")
        path = Path(file)
        digest = file_digest(path) if path.is_file() else None
        prompts, left_out = list(reading.records), len(reading.broken)
        sets[name] = PromptSet(name, file, digest, prompts, left_out)
    return list(sets.values())


class Prompting:
    """A reader whose rows need no response."""

    def __init__(self, reader: Reader, layout: Layout) -> None:
        self._reader, self._layout = reader, layout
        self.understands = getattr(reader, "understands", type(reader).__name__)

    @classmethod
    def of(cls, readers: Mapping[str, Reader], how: How) -> dict[str, Reader]:
        """Return readers that take rows without a response."""
        layout = Layout(how.schema, how.columns)
        return {name: cls(reader, layout) for name, reader in readers.items()}

    def matches(self, source: str) -> bool:
        """Ask the reader."""
        return self._reader.matches(source)

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the reader's rows, with `NO_REFERENCE` where there is no response."""
        for row in self._reader.read(source):
            if isinstance(row, RawRow) and isinstance(row.data, Mapping):
                yield self._completed(row)
            else:
                yield row

    def _completed(self, row: RawRow) -> RawRow:
        data = dict(row.data)
        if REFERENCE in data and not self._is_whole(data):
            reference = data.pop(REFERENCE)
            data = data if is_empty(reference) else {**data, "output": reference}
        if not self._is_whole(data):
            data = with_reply(data)
        return row if data == row.data else RawRow(row.row, data)

    def _is_whole(self, data: Mapping[str, Any]) -> bool:
        """Say whether a row is a record as it stands."""
        assignment = self._layout.assign(data)
        if assignment is None:
            return False
        try:
            record_of(data, assignment)
        except RowError:
            return False
        return True


def with_reply(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with `NO_REFERENCE` as its response."""
    spelt = {str(name).strip().lower(): name for name in data}
    for field in ("messages", "conversations"):
        for column in (spelt[name] for name in FIELDS[field] if name in spelt):
            if is_list(data[column]) and len(data[column]):
                return {**data, column: [*data[column], reply_like(data[column][-1])]}
    answered = next((spelt[n] for n in FIELDS["output"] if n in spelt), "output")
    if "prompt" in spelt and is_list(data[spelt["prompt"]]):
        return {**data, "completion": NO_REFERENCE}
    return {**data, answered: NO_REFERENCE}


def reply_like(turn: Any) -> Any:
    """Return a turn of the assistant that is written the way another turn is."""
    if isinstance(turn, Mapping) and "from" in turn:
        return {"from": "gpt", "value": NO_REFERENCE}
    return {"role": "assistant", "content": NO_REFERENCE}

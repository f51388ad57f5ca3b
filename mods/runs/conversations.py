"""The conversations of a run folder: what every record says, the rejected ones included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from mods.errors import RunFolderError
from mods.files import to_json, write_file
from mods.wording import one_line, printable

if TYPE_CHECKING:
    from mods.records import Record

COLUMNS = {"id": "string", "characters": "int64", "origin": "string", "conversation": "string",
           "answer": "string"}  # fmt: skip
ORIGINS = ("source", "dataset", "origin", "subset")
"""Columns of rows in which mixtures say where a row comes from."""
LONGEST_ORIGIN = 80
FILLED = ("id", "characters", "conversation")
GROUP_ROWS, GROUP_BYTES = 5_000, 32 << 20
"""So much is held at a time, and written as one row group."""


class Kept(NamedTuple):
    """What a run folder holds of one record."""

    id: str
    characters: int
    """Of the reply."""
    origin: str | None
    """Where the row itself says that it comes from: the first of `ORIGINS` that holds a name."""
    conversation: str
    """JSON: `turns`, each as `mods.records.Message.as_json` gives it, the reply last; where there
    are any, `tools`, each a JSON schema as text, and `input`, the end of the last user turn that
    came in a field of its own."""
    answer: str | None
    """What the tuned model answered, where it was asked."""

    @classmethod
    def of(cls, record: Record, answer: str | None = None) -> Kept:
        """Return what is kept of a record."""
        told: dict[str, Any] = {"turns": [turn.as_json() for turn in record.messages]}
        if record.conversation.tools:
            told["tools"] = list(record.conversation.tools)
        if record.input:
            told["input"] = record.input
        text = to_json(told).decode("utf-8").rstrip()
        return cls(record.id, len(record.reply.content), origin_of(record.raw), text, answer)

    def record(self, source: str, row: int) -> Record:
        """Make the record again, without the row as it was written; raises `ValueError`."""
        from mods.records import Conversation, Media, Message, Record, ToolCall

        told = json.loads(self.conversation)
        turns = []
        for role, content, *more in told["turns"]:
            parts = dict(more[0]) if more else {}
            parts["tool_calls"] = tuple(ToolCall(*call) for call in parts.get("tool_calls", ()))
            parts["media"] = tuple(Media(*medium) for medium in parts.get("media", ()))
            turns.append(Message(role, content, **parts))
        asked = next((t.content for t in reversed(turns) if t.role == "user"), "")
        input = told.get("input", "")
        if input and asked.endswith(f"\n{input}"):
            asked = asked.removesuffix(f"\n{input}")
        else:
            input = ""
        tools = tuple(told.get("tools", ()))
        conversation = Conversation(tuple(turns[:-1]), asked, input, tools)
        return Record(conversation, turns[-1], source, row, self.id)


def origin_of(raw: Mapping[str, Any]) -> str | None:
    """Return where a row says that it comes from."""
    names = (raw.get(column) for column in ORIGINS)
    found = (name for name in names if isinstance(name, str) and name.strip())
    name = next(found, None)
    return None if name is None or len(name) > LONGEST_ORIGIN else printable(name)


def write_conversations(
    target: Path, records: Iterable[Record], answers: Mapping[str, str]
) -> None:
    """Write the conversations of records as Parquet, a few thousand at a time, in their order.

    `answers` are those of the tuned model, by record id.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])

    def write(file: IO[bytes]) -> None:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in groups(Kept.of(r, answers.get(r.id)) for r in records):
                columns = [list(column) for column in zip(*group, strict=True)]
                writer.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True)), schema))

    write_file(target, write)


def groups(kept: Iterable[Kept]) -> Iterator[list[Kept]]:
    """Cut into groups that fit the memory."""
    group: list[Kept] = []
    size = 0
    for one in kept:
        group.append(one)
        size += len(one.conversation) + len(one.answer or "")
        if len(group) == GROUP_ROWS or size > GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def read_conversations(path: Path) -> Iterator[Kept]:
    """Read conversations, a group at a time; nothing where an older run left none.

    Raises `RunFolderError` for a file that is broken or another one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for at in range(file.num_row_groups):
                group = file.read_row_group(at, columns=list(COLUMNS))
                kinds = {field.name: str(field.type) for field in group.schema}
                filled = all(not group[name].null_count for name in FILLED if name in kinds)
                if kinds != COLUMNS or not filled:
                    raise RunFolderError(f"{path} does not hold the conversations of a run")
                yield from map(Kept, *(column.to_pylist() for column in group.columns))
    except FileNotFoundError:
        return
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error


class Brief(NamedTuple):
    """What is known of a record without reading its conversation."""

    characters: int
    origin: str | None


def read_briefly(path: Path) -> dict[str, Brief]:
    """Return what is known of each record by its id, without reading the conversations.

    Raises `RunFolderError` as `read_conversations` does.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["id", *Brief._fields])
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return {str(id): Brief(int(size), origin) for id, size, origin in rows}
    except FileNotFoundError:
        return {}
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error


MOST_ORIGINS = 100
"""More different ones are no names of sources."""


def origins(receipts: Any, known: Mapping[str, Brief]) -> list[str]:
    """Return where each row comes from: where it says so itself, else its file.

    Files alone where the rows name more than 100 places: those are no names of data sets.
    """
    files = receipts["source"].to_pylist()
    ids = receipts["id"].to_pylist()
    if len({brief.origin for brief in known.values()}) > MOST_ORIGINS:
        return files  # type: ignore[no-any-return]
    nowhere = Brief(-1, None)
    named = (known.get(id, nowhere).origin for id in ids)
    return [name or file for name, file in zip(named, files, strict=True)]

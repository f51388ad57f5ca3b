"""The conversations of a run folder: what every record says, the rejected ones included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from mods.errors import RunFolderError
from mods.files import to_json, write_file
from mods.wording import one_line

if TYPE_CHECKING:
    from mods.records import Record

COLUMNS = ("id", "characters", "conversation")
GROUP_ROWS, GROUP_BYTES = 5_000, 32 << 20
"""So much is held at a time, and written as one row group."""


class Kept(NamedTuple):
    """What a run folder holds of one record."""

    id: str
    characters: int
    """Of the reply."""
    conversation: str
    """JSON: `turns`, each as `mods.records.Message.as_json` gives it, the reply last; and `tools`,
    where there are any, each a JSON schema as text."""

    @classmethod
    def of(cls, record: Record) -> Kept:
        """Return what is kept of a record."""
        told: dict[str, Any] = {"turns": [turn.as_json() for turn in record.messages]}
        if record.conversation.tools:
            told["tools"] = list(record.conversation.tools)
        return cls(record.id, len(record.reply.content), to_json(told).decode("utf-8").rstrip())

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
        conversation = Conversation(tuple(turns[:-1]), asked, tools=tuple(told.get("tools", ())))
        return Record(conversation, turns[-1], source, row, self.id)


def write_conversations(target: Path, records: Iterable[Record]) -> None:
    """Write the conversations of records as Parquet, a few thousand at a time, in their order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = (pa.string(), pa.int64(), pa.string())
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))

    def write(file: IO[bytes]) -> None:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in groups(map(Kept.of, records)):
                columns = [list(column) for column in zip(*group, strict=True)]
                writer.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True)), schema))

    write_file(target, write)


def groups(kept: Iterable[Kept]) -> Iterator[list[Kept]]:
    """Cut into groups that fit the memory."""
    group: list[Kept] = []
    size = 0
    for one in kept:
        group.append(one)
        size += len(one.conversation)
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
                kinds = [str(field.type) for field in group.schema]
                if kinds != ["string", "int64", "string"] or any(c.null_count for c in group):
                    raise RunFolderError(f"{path} does not hold the conversations of a run")
                yield from map(Kept, *(column.to_pylist() for column in group.columns))
    except FileNotFoundError:
        return
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error


def reply_characters(path: Path) -> dict[str, int]:
    """Return the characters of each record's reply by its id, without reading the conversations.

    Raises `RunFolderError` as `read_conversations` does.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read(columns=["id", "characters"])
        pairs = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return {str(id): int(characters) for id, characters in pairs}
    except FileNotFoundError:
        return {}
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {one_line(error)}") from error

"""Schemas: which fields of a row are the conversation, and how a row becomes a record.

| schema              | columns                                                                   |
|---------------------|---------------------------------------------------------------------------|
| `messages`          | `messages`: turns with `role` and `content`; optional `system`            |
| `sharegpt`          | `conversations`: turns with `from` and `value`; optional `system`         |
| `alpaca`            | `instruction`, `output`; optional `input`, `system`, `history` [[q, a]] |
| `prompt-completion` | `prompt`, `completion`: each a text or a list of turns; optional `system` |

`FIELDS` lists the other names a column may have (`question`, `context`, `response`, ...).
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mods.errors import SettingsError
from mods.records import Message, Record, user_text

Turns: TypeAlias = list[Message]

FIELDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages",),
    "conversations": ("conversations", "conversation"),
    "instruction": ("instruction", "question"),
    "input": ("input", "context"),
    "output": ("output", "response", "answer"),
    "history": ("history",),
    "prompt": ("prompt",),
    "completion": ("completion", "response"),
    "system": ("system", "system_prompt"),
}
"""The columns each field is looked for in, best first."""

ROLES: Mapping[str, str] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "ai", "bot", "model"), "assistant"),
    **dict.fromkeys(("bing", "bard", "claude", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response"), "tool"),
}
"""The role each name stands for; names are compared in lower case."""


class RowError(ValueError):
    """A row that cannot become a record; the message is the reason in its quarantine entry."""


@dataclass(frozen=True)
class Layout:
    """What the user said about the rows: nothing (each row is recognised), a schema, columns."""

    schema: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column by field, for the fields that are not where `FIELDS` looks."""

    def __post_init__(self) -> None:
        """Settle the schema that the columns imply; `SettingsError` if there is none."""
        check_names(self.schema, self.columns)
        if self.columns and self.schema is None:
            object.__setattr__(self, "schema", schema_with(self.columns))

    def recognise(self, data: Mapping[str, Any]) -> str | None:
        """Return the schema whose required columns the row has, or None.

        Columns with a value come before columns that are merely there: a table of mixed rows has
        all columns in every row, null where they do not apply.
        """
        candidates = [SCHEMAS[self.schema]] if self.schema else list(SCHEMAS.values())
        found = Columns(data, self.columns)
        for has in (found.has_value, found.has_column):
            for schema in candidates:
                if all(map(has, schema.required)):
                    return schema.name
        return None

    def to_record(
        self, data: Mapping[str, Any], schema: str | None, *, source: str = "", row: int = 0
    ) -> Record:
        """Turn a row into a record; `schema` is what `recognise` returned.

        Raises `RowError` with the reason if the row cannot be one.
        """
        found = Columns(data, self.columns)
        if schema is None:
            raise RowError(missing(found, self.schema))
        for name in data:
            if not isinstance(name, str):
                raise RowError(f"the name of a field should be text, found {shortened(name)}")
        messages, instruction, input = SCHEMAS[schema].build(found)
        if not messages[-1].content.strip():
            raise RowError(f"the response is empty ({SCHEMAS[schema].response_in(found)})")
        return Record(tuple(messages), instruction, input=input, source=source, row=row, raw=data)


class Columns:
    """The fields of one row, wherever they are."""

    __slots__ = ("_chosen", "_data")

    def __init__(self, data: Mapping[str, Any], chosen: Mapping[str, str]) -> None:
        self._data = data
        self._chosen = chosen

    @property
    def names(self) -> list[str]:
        """All columns of the row, known or not."""
        return [str(name) for name in self._data]

    def column(self, field: str) -> str:
        """Return the column of a field: one with a value, else one that is there, else its name."""
        if field in self._chosen:
            return self._chosen[field]
        names = FIELDS[field]
        for name in names:
            if not is_null(self._data.get(name)):
                return name
        return next((name for name in names if name in self._data), field)

    def value(self, field: str) -> Any:
        """Return the value of the field; None if it is missing or null."""
        value = self._data.get(self.column(field))
        return None if is_null(value) else value

    def has_value(self, field: str) -> bool:
        """Say whether the field is there and not null."""
        return self.value(field) is not None

    def has_column(self, field: str) -> bool:
        """Say whether the field is there, null or not."""
        return self.column(field) in self._data

    def text(self, field: str) -> str:
        """Return a text field; `RowError` if it is null or no text."""
        return as_text(self.value(field), f"field '{self.column(field)}'")

    def optional_text(self, field: str) -> str:
        """Return a text field, empty if it is missing or null."""
        return self.text(field) if self.has_value(field) else ""


Built: TypeAlias = tuple[Turns, str, str]
"""All turns, the instruction proper, the separate input."""


@dataclass(frozen=True)
class Schema:
    """One way of writing a conversation as a row."""

    name: str
    required: tuple[str, ...]
    """Fields a row must have."""
    optional: tuple[str, ...]
    build: Callable[[Columns], Built]

    def response_in(self, columns: Columns) -> str:
        """Say where the response is, for messages."""
        return f"field '{columns.column(self.required[-1])}'"


def build_alpaca(columns: Columns) -> Built:
    """Build a row with instruction, input and output."""
    instruction = columns.text("instruction")
    if not instruction.strip():
        raise RowError(f"the instruction is empty (field '{columns.column('instruction')}')")
    response, input = columns.text("output"), columns.optional_text("input")
    turns = [*system_turn(columns), *history_turns(columns)]
    turns.append(Message("user", user_text(instruction, input)))
    turns.append(Message("assistant", response))
    return turns, instruction, input


def history_turns(columns: Columns) -> Turns:
    """Return the earlier turns: a list of [question, answer] pairs of texts."""
    history = columns.value("history")
    turns: Turns = []
    if history is None:
        return turns
    where = f"field '{columns.column('history')}'"
    for number, pair in enumerate(as_list(history, where, "a list of pairs"), 1):
        item = f"pair {number} of {where}"
        if len(as_list(pair, item, "a pair of texts")) != 2:
            raise RowError(f"{item} should be a pair of texts, found {len(pair)} items")
        turns.append(Message("user", as_text(pair[0], item)))
        turns.append(Message("assistant", as_text(pair[1], item)))
    return turns


def build_turns(field: str) -> Callable[[Columns], Built]:
    """Build rows whose conversation is a list of turns in one field."""

    def build(columns: Columns) -> Built:
        where = f"field '{columns.column(field)}'"
        return conversation(columns, read_turns(columns.value(field), where), where)

    return build


def build_prompt_completion(columns: Columns) -> Built:
    """Build a row whose prompt and completion are each a text or a list of turns."""
    turns: Turns = []
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        value, where = columns.value(name), f"field '{columns.column(name)}'"
        if is_list(value):
            turns += read_turns(value, where)
        else:
            turns.append(Message(role, as_text(value, where, "text or a list of turns")))
    return conversation(columns, turns, f"field '{columns.column('completion')}'")


def conversation(columns: Columns, turns: Turns, where: str) -> Built:
    """Check that turns end in a response to a user, and add a system field if they have none."""
    if turns[-1].role != "assistant":
        raise RowError(
            f"{where} ends with a {turns[-1].role} turn: there is no response to judge after it"
        )
    asked = next((turn for turn in reversed(turns) if turn.role == "user"), None)
    if asked is None:
        raise RowError(f"{where} has no user turn: there is no instruction")
    if not asked.content.strip():
        raise RowError(f"the instruction is empty (the last user turn of {where})")
    if turns[0].role != "system":
        turns = [*system_turn(columns), *turns]
    return turns, asked.content, ""


def system_turn(columns: Columns) -> Turns:
    """Return the system field as a turn, or nothing."""
    system = columns.optional_text("system")
    return [Message("system", system)] if system else []


def read_turns(value: Any, where: str) -> Turns:
    """Return the turns of a list of `{role, content}` or `{from, value}` objects."""
    turns = as_list(value, where, "a list of turns")
    if not turns:
        raise RowError(f"{where} is an empty list: there are no turns")
    return [read_turn(turn, f"turn {number} of {where}") for number, turn in enumerate(turns, 1)]


def read_turn(turn: Any, where: str) -> Message:
    """Return one turn as a message, its role normalised."""
    if not isinstance(turn, Mapping):
        raise RowError(f"{where} should be an object, found {kind(turn)}")
    if turn.get("tool_calls") or turn.get("function_call"):
        # Without the call the conversation would be another one, so it is not guessed at.
        raise RowError(f"{where} has tool calls, which are not supported: write them as text")
    role_key, text_key = given(turn, "role", "from"), given(turn, "content", "value")
    if role_key is None:
        raise RowError(f"{where} has no role (expected 'role' or 'from')")
    if text_key is None:
        raise RowError(f"{where} has no text (expected 'content' or 'value')")
    name = as_text(turn[role_key], f"'{role_key}' of {where}")
    role = ROLES.get(name.lower())
    if role is None:
        raise RowError(f"{where} has the unknown role {shortened(name)}")
    return Message(role, read_content(turn[text_key], f"'{text_key}' of {where}"))


def given(turn: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first key with a value, else the first that is there at all, else None."""
    there = [key for key in keys if key in turn]
    return next((key for key in there if turn[key] is not None), there[0] if there else None)


def read_content(content: Any, where: str) -> str:
    """Return the text of a turn: a text, or the texts of a list of parts, joined."""
    if not is_list(content):
        return as_text(content, where, "text or a list of text parts")
    return "".join(read_part(part, f"part {i} of {where}") for i, part in enumerate(content, 1))


def read_part(part: Any, where: str) -> str:
    """Return the text of one content part; images, sound and so on are no text."""
    if not isinstance(part, Mapping):
        raise RowError(f"{where} should be an object, found {kind(part)}")
    if part.get("type", "text") != "text":
        raise RowError(f"{where} is no text but {shortened(part['type'])}, which is not supported")
    return as_text(part.get("text"), where)


SCHEMAS: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema("messages", ("messages",), ("system",), build_turns("messages")),
        Schema("sharegpt", ("conversations",), ("system",), build_turns("conversations")),
        Schema("alpaca", ("instruction", "output"), ("input", "system", "history"), build_alpaca),
        Schema("prompt-completion", ("prompt", "completion"), ("system",), build_prompt_completion),
    )
}
"""Every schema by name, in the order in which a row is held against them."""


def check_names(schema: str | None, columns: Mapping[str, str]) -> None:
    """Raise `SettingsError` for a schema or a field that does not exist."""
    if schema is not None and schema not in SCHEMAS:
        raise SettingsError(f"there is no schema {schema!r}: choose from {', '.join(SCHEMAS)}")
    known = SCHEMAS[schema].required + SCHEMAS[schema].optional if schema else tuple(FIELDS)
    for name in columns:
        if name not in known:
            of = f" of schema {schema}" if schema else ""
            raise SettingsError(
                f"columns: there is no field {name!r}{of}: choose from {', '.join(known)}"
            )


def schema_with(fields: Iterable[str]) -> str:
    """Return the one schema that has all `fields`; `SettingsError` if none or several do."""
    wanted = set(fields)
    names = [s.name for s in SCHEMAS.values() if wanted <= {*s.required, *s.optional}]
    if len(names) != 1:
        raise SettingsError(
            f"columns: the fields {', '.join(sorted(wanted))} belong to "
            f"{'several schemas' if names else 'no one schema'}: "
            + ("add --schema, one of " + ", ".join(names) if names else understood())
        )
    return names[0]


def understood() -> str:
    """List the schemas with their fields, for messages."""
    return "; ".join(
        f"{schema.name} ({', '.join(schema.required)}; optional {', '.join(schema.optional)})"
        for schema in SCHEMAS.values()
    )


def missing(columns: Columns, schema: str | None) -> str:
    """Say which required fields a row lacks, going by `schema` or else the nearest one."""
    candidates = [SCHEMAS[schema]] if schema else list(SCHEMAS.values())
    lacking = [
        [columns.column(f) for f in s.required if not columns.has_column(f)] for s in candidates
    ]
    near = min(range(len(candidates)), key=lambda i: len(lacking[i]) / len(candidates[i].required))
    found = ", ".join(columns.names[:20]) or "none"
    if len(lacking[near]) == len(candidates[near].required) and schema is None:
        return f"no field of any schema (fields: {found})"
    names = " and ".join(f"'{name}'" for name in lacking[near])
    plural = "s" if len(lacking[near]) > 1 else ""
    return f"missing field{plural} {names} of schema {candidates[near].name} (fields: {found})"


def as_text(value: Any, where: str, expected: str = "text") -> str:
    """Return a text; `RowError` if the value is something else or no valid Unicode."""
    if not isinstance(value, str):
        raise RowError(f"{where} should be {expected}, found {kind(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowError(
            f"{where} is no valid Unicode: half a surrogate pair at character {error.start + 1}"
        ) from None
    return value


def as_list(value: Any, where: str, expected: str) -> Sequence[Any]:
    """Return a list or tuple; `RowError` if the value is something else."""
    if not is_list(value):
        raise RowError(f"{where} should be {expected}, found {kind(value)}")
    items: Sequence[Any] = value
    return items


def is_null(value: Any) -> bool:
    """Say whether a value is none: null, or the NaN that pandas writes into empty cells."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_list(value: Any) -> bool:
    """Say whether a value is a list (a tuple counts)."""
    return isinstance(value, (list, tuple))


def kind(value: Any) -> str:
    """Name the kind of a value in JSON's words."""
    if value is None:
        return "null"
    for types, name in (
        (bool, "true or false"),
        (str, "text"),
        ((int, float), "a number"),
        ((list, tuple), "a list"),
        (Mapping, "an object"),
    ):
        if isinstance(value, types):
            return name
    return type(value).__name__


def shortened(value: Any) -> str:
    """Return a value as it may stand in a message: quoted, short, printable."""
    return reprlib.repr(value).encode("ascii", "backslashreplace").decode("ascii")


def as_json(data: Any) -> str:
    """Return a row as JSON text for the quarantine; always encodable as UTF-8."""
    try:
        text = json.dumps(data, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = reprlib.repr(data)  # keys that are no text, cycles, deep nesting
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

"""Exports of a few records, on the disk as an export has them, and read back."""

from __future__ import annotations

from mods import Conversation, Media, Message, Record, ToolCall
from mods.interfaces.exports import Exported
from mods.runs.export.folder import write_rows, write_text

FULL = Record(
    Conversation(
        (
            Message("system", "be kind"),
            Message("user", "how warm?"),
            Message("assistant", "", "look", (ToolCall("warmth", '{"city":"Oslo"}', "c1"),)),
            Message("tool", "minus three", tool_call_id="c1", name="warmth"),
            Message("assistant", "Cold.", weight=0.0),
            Message("user", "and there?"),
        ),
        "and there?",
        tools=('{"name": "warmth", "parameters": {"n": 1}}',),
    ),
    Message("assistant", "", "again", (ToolCall("warmth", '{"where":"Rome","n":2}', "c2"),)),
)
"""A row with everything but media."""
SEEING = Record.from_turns(
    [Message("user", "<image>what?", media=(Media("image", "a.png"),)), Message("assistant", "A")],
    "<image>what?",
)
UNMARKED = Record.from_turns(
    [Message("user", "what?", media=(Media("image", "a.png"),)), Message("assistant", "A")], "what?"
)
INLINE = Record.from_turns(
    [Message("user", "<image>", media=(Media("image", "sha256:00"),)), Message("assistant", "A")],
    "<image>",
)
HALF = Record.from_turns([Message("user", "a"), Message("assistant", "b", weight=0.5)], "a")
UNLEARNED = Record.from_turns([Message("user", "a"), Message("assistant", "b", weight=0.0)], "a")
UNRULY = Record.from_turns(
    [Message("user", "a"), Message("critic", "b"), Message("assistant", "c")], "a"
)
CROSSED = Record.from_turns(
    [
        Message("user", "a"),
        Message("assistant", "", tool_calls=(ToolCall("f", "{}", "1"), ToolCall("g", "{}", "2"))),
        Message("tool", "y", tool_call_id="2"),
        Message("tool", "x", tool_call_id="1"),
        Message("assistant", "b"),
    ],
    "a",
)
"""Results of tools that are not in the order of the calls."""


def exported(exporter, records, folder):
    """Write an export of records, none of them refused; return its rows."""
    rows = list(exporter.rows(records))
    data = getattr(exporter, "data", "train.jsonl")
    write_rows(folder / data, rows)
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    for name, text in exporter.files(Exported("mine", data, len(rows), columns)).items():
        write_text(folder / name, text)
    return rows


def loaded(folder, name="train.jsonl"):
    """Load a file of rows with `datasets`, without the keys that it fills in."""
    import datasets

    kind = "parquet" if name.endswith("parquet") else "json"
    data = datasets.load_dataset(kind, data_files=str(folder / name), split="train",
                                 cache_dir=str(folder / "cache"))  # fmt: skip
    return [without_nothing(row) for row in data]


def without_nothing(value):
    """Drop what is None."""
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    return [without_nothing(item) for item in value] if isinstance(value, list) else value


def reasons(exporter, *records):
    """Return why records are refused; all of them must be."""
    return [row.reason for row in exporter.rows(records)]

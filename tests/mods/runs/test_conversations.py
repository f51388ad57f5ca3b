"""Conversations in a run folder: every record as it was understood, whatever is in it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mods import RunFolderError
from mods.records import Conversation, Media, Message, Record, ToolCall
from mods.runs import conversations
from mods.runs.conversations import (
    MOST_ORIGINS,
    Brief,
    origins,
    read_briefly,
    read_conversations,
    write_conversations,
)

FULL = Record(
    Conversation(
        (
            Message("system", "be brief"),
            Message("user", "what is this?", media=(Media("image", "a.png"),)),
            Message("assistant", "", "hm", (ToolCall("look", '{"at": 1}', "c1"),), weight=0.0),
            Message("tool", "\u202e</script>\x00", tool_call_id="c1", name="look"),
        ),
        "what is this?",
        tools=('{"name": "look"}',),
    ),
    Message("assistant", "a picture", reasoning="so"),
    "a.jsonl",
    3,
)


def test_records_come_back_in_their_order_from_any_number_of_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(conversations, "GROUP_ROWS", 3)
    plain = [Record.from_instruction(f"ask {i}", "x" * i or "-") for i in range(7)]
    path = tmp_path / "conversations.parquet"
    write_conversations(path, [FULL, *plain], {FULL.id: "a dog"})
    assert pq.ParquetFile(path).num_row_groups == 3
    kept = list(read_conversations(path))
    assert kept[0].record("a.jsonl", 3) == FULL
    assert [one.record("", 0) for one in kept[1:]] == plain
    assert [one.answer for one in kept] == ["a dog", *[None] * 7]
    assert read_briefly(path) == {r.id: Brief(len(r.response), None) for r in [FULL, *plain]}


def test_rows_come_from_where_they_say_else_from_their_file(tmp_path):
    raws = [{"source": "lima"}, {"source": "", "dataset": "dolly"}, {"source": 3}, {}]
    rows = [Record.from_instruction(f"ask {i}", "-", raw=raw) for i, raw in enumerate(raws)]
    path = tmp_path / "conversations.parquet"
    write_conversations(path, rows, {})
    receipts = pa.table({"id": [r.id for r in rows], "source": ["a.jsonl"] * 4})
    known = read_briefly(path)
    assert origins(receipts, known) == ["lima", "dolly", "a.jsonl", "a.jsonl"]
    many = {str(i): Brief(1, f"row {i}") for i in range(MOST_ORIGINS + 1)}
    assert origins(receipts, many) == ["a.jsonl"] * 4


def test_another_file_is_refused_and_none_is_no_conversations(tmp_path):
    path = tmp_path / "conversations.parquet"
    assert list(read_conversations(path)) == []
    assert read_briefly(path) == {}
    pq.write_table(pa.table({"id": [1], "characters": [1], "conversation": ["x"]}), path)
    with pytest.raises(RunFolderError, match="does not hold the conversations"):
        list(read_conversations(path))
    path.write_bytes(b"broken")
    with pytest.raises(RunFolderError, match="cannot be read"):
        list(read_conversations(path))
    with pytest.raises(RunFolderError, match="cannot be read"):
        read_briefly(path)

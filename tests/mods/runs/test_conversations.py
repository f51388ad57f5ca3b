"""Conversations in a run folder: every record as it was understood, whatever is in it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mods import RunFolderError
from mods.records import Conversation, Media, Message, Record, ToolCall
from mods.runs import conversations
from mods.runs.conversations import read_conversations, reply_characters, write_conversations

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
    write_conversations(path, [FULL, *plain])
    assert pq.ParquetFile(path).num_row_groups == 3
    kept = list(read_conversations(path))
    assert kept[0].record("a.jsonl", 3) == FULL
    assert [one.record("", 0) for one in kept[1:]] == plain
    assert reply_characters(path) == {r.id: len(r.response) for r in [FULL, *plain]}


def test_another_file_is_refused_and_none_is_no_conversations(tmp_path):
    path = tmp_path / "conversations.parquet"
    assert list(read_conversations(path)) == []
    assert reply_characters(path) == {}
    pq.write_table(pa.table({"id": [1], "characters": [1], "conversation": ["x"]}), path)
    with pytest.raises(RunFolderError, match="does not hold the conversations"):
        list(read_conversations(path))
    path.write_bytes(b"broken")
    with pytest.raises(RunFolderError, match="cannot be read"):
        list(read_conversations(path))
    with pytest.raises(RunFolderError, match="cannot be read"):
        reply_characters(path)

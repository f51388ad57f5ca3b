"""Alpaca's fields: what has a place there is read back the same, all else is refused."""

from support.exports import FULL, HALF, SEEING, exported, loaded, reasons
from support.turns import MULTI_TURN

import mods
from mods import Message, Record
from mods.testing import check_exporter
from mods_plugins.exporters.alpaca import Alpaca

INPUT = Record.from_instruction("add", "5", input="2 3", system="be exact")


def test_rows_read_back_are_the_same_records(tmp_path):
    check_exporter(Alpaca())
    rows = exported(Alpaca(), [INPUT, MULTI_TURN], tmp_path)
    assert rows[0] == {"instruction": "add", "input": "2 3", "output": "5", "system": "be exact",
                       "history": []}  # fmt: skip
    assert rows[1]["history"] == [["one", "first answer"]]
    found = mods.read(tmp_path / "train.jsonl", quiet=True).records
    assert [record.key for record in found] == [INPUT.key, MULTI_TURN.key]
    assert loaded(tmp_path) == rows


def test_what_has_no_place_is_refused():
    thought = Record.from_turns(
        [Message("user", "a"), Message("assistant", "b", reasoning="c")], "a"
    )
    joined = Record.from_turns(
        [Message("user", "a"), Message("user", "b"), Message("assistant", "c")], "b"
    )
    unlearned = Record.from_turns(
        [Message("user", "a"), Message("assistant", "b", weight=0.0), Message("user", "c"),
         Message("assistant", "d")], "c",
    )  # fmt: skip
    found = reasons(Alpaca(turns="all"), FULL, HALF, SEEING, thought, joined, unlearned)
    wanted = ("tools", "weight 0.5", "media", "reasoning", "one after the other", "weight 0,")
    for word, reason in zip(wanted, found, strict=True):
        assert word in reason

from __future__ import annotations

import pytest

from mods.data.turns import ROLES, read_turns
from mods.data.values import RowError
from mods.records import Message


def test_both_spellings_of_a_turn_and_parts_joined():
    turns = [
        {"from": "human", "value": "a"},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"text": "c"}]},
        {"role": None, "from": "Tool", "content": None, "value": "d"},
    ]
    assert read_turns(turns, "x") == [
        Message("user", "a"),
        Message("assistant", "bc"),
        Message("tool", "d"),
    ]


def test_every_role_is_one_of_four():
    assert set(ROLES.values()) == {"system", "user", "assistant", "tool"}
    assert all(name == name.lower() for name in ROLES)


@pytest.mark.parametrize("call", ["tool_calls", "function_call"])
def test_a_call_is_refused_and_an_empty_one_is_none(call):
    turn = {"role": "assistant", "content": "a", call: [{"name": "f"}]}
    with pytest.raises(RowError, match="turn 1 of x has tool calls, which are not supported"):
        read_turns([turn], "x")
    assert read_turns([{**turn, call: []}], "x") == [Message("assistant", "a")]

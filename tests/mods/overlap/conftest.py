"""Prompts and rows from plain texts."""

import pytest

from mods import Conversation, Message, Record
from mods.data.prompts import Prompt


@pytest.fixture
def prompts():
    """Prompts of a set called `test`, numbered from 1."""

    def make(*texts):
        asked = map(Conversation.from_instruction, texts)
        return [Prompt("test", "test.jsonl", n, one) for n, one in enumerate(asked, 1)]

    return make


@pytest.fixture
def row():
    """A row of the file `rows.jsonl` with some turns; the user speaks first."""

    def make(*said, number=1):
        roles = ("user", "assistant")
        turns = [Message(roles[at % 2], text) for at, text in enumerate(said)]
        return Record.from_turns(turns, "", source="rows.jsonl", row=number)

    return make

import pytest

from mods import Message, Record
from mods.selection.coverage import text_of

SINGLE = Record.from_instruction("do", "done", input="this")
TURNS = Record.from_turns(
    [
        Message("system", "s"),
        Message("user", "one"),
        Message("assistant", "first"),
        Message("user", "two"),
        Message("assistant", "last"),
    ],
    "two",
)


@pytest.mark.parametrize(
    ("record", "what", "text"),
    [
        (SINGLE, "prompt", "do\nthis"),
        (SINGLE, "instruction", "do"),
        (SINGLE, "both", "do\nthis\ndone"),
        (TURNS, "instruction", "two"),
        (TURNS, "prompt", "user: two\nassistant: first\nuser: one\nsystem: s"),
        (TURNS, "both", "user: two\nassistant: last\nassistant: first\nuser: one\nsystem: s"),
    ],
)
def test_what_tells_a_row_from_others_comes_first(record, what, text):
    assert text_of(record, what) == text

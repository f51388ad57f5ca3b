"""Which turns of a conversation are learned."""

from support.tiny_models import tiny_tokenizer
from support.turns import MULTI_TURN

from mods import Message, Record
from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.chat.turns import learned_tokens


def test_earlier_answers_are_learned_where_that_is_asked_for():
    llama = ChatFormat(tiny_tokenizer())
    turns = list(MULTI_TURN.messages)
    turns[2:2] = [Message("assistant", "never", weight=0.0), Message("user", "why?")]
    turns[4] = turns[4]._replace(weight=0.5)
    record = Record.from_turns(turns, "two")
    [row] = llama.encode([record], all_turns=True)
    assert [span.weight for span in row.earlier] == [0.5]
    [span] = row.earlier
    assert llama.tokenizer.decode(row.prompt[span.start : span.stop]) == "first answer<|end|>"
    assert llama.encode([record])[0].earlier == ()


def test_only_what_is_learned_is_counted():
    chat = ChatFormat(tiny_tokenizer())
    [row] = chat.encode([MULTI_TURN])
    assert learned_tokens(row) == len(row.response)
    [whole] = chat.encode([MULTI_TURN], all_turns=True)
    assert learned_tokens(whole) > learned_tokens(row)

"""Templates of strangers end, in an error if need be."""

import resource

import pytest
from support.tiny_models import tiny_tokenizer

from mods import ModsError
from mods.records import Message, Record
from mods_plugins.hf.chat.format import ChatFormat

NEVER_ENDING = (
    "{% for a in range(90000) %}{% for b in range(90000) %}{% for c in range(90000) %}"
    "{% endfor %}{% endfor %}{% endfor %}"
)
DOUBLING = (
    "{% set ns = namespace(x='ab' * 1000) %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}"
    "{% endfor %}{{ ns.x }}"
)
CALLING_ITSELF = "{% macro again(n) %}{{ again(n + 1) ~ again(n + 2) }}{% endmacro %}{{ again(0) }}"


@pytest.mark.parametrize("template", [NEVER_ENDING, DOUBLING, CALLING_ITSELF])
def test_a_template_without_end_ends_in_an_error_and_takes_no_memory(template):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModsError, match="template"):
        ChatFormat(tiny_tokenizer(template))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


def test_an_honest_template_may_write_a_long_conversation():
    chat = ChatFormat(tiny_tokenizer())
    turns = [Message("user" if at % 2 else "assistant", "word " * 200) for at in range(401)]
    record = Record.from_turns([*turns[1:], Message("assistant", "end")], "word")
    (encoded,) = chat.encode([record])
    assert encoded.size > 400_000

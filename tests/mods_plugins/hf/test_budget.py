"""Templates of strangers end, in an error if need be."""

import threading
import time

import pytest
from support.tiny_models import tiny_tokenizer

from mods import ModsError
from mods.records import Record
from mods_plugins.hf import budget as module
from mods_plugins.hf.budget import budget
from mods_plugins.hf.chat import ChatFormat

NEVER_ENDING = (
    "{% for a in range(90000) %}{% for b in range(90000) %}{% for c in range(90000) %}"
    "{% endfor %}{% endfor %}{% endfor %}"
)
DOUBLING = (
    "{% set ns = namespace(x='ab' * 1000) %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}"
    "{% endfor %}{{ ns.x }}"
)
CALLING_ITSELF = "{% macro again(n) %}{{ again(n + 1) ~ again(n + 2) }}{% endmacro %}{{ again(0) }}"


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.5)
    monkeypatch.setattr(module, "BYTES", 200 << 20)


@pytest.mark.parametrize("template", [NEVER_ENDING, DOUBLING])
def test_a_template_without_end_is_stopped_and_named(template):
    with pytest.raises(ModsError, match="the chat template goes on without end"):
        ChatFormat(tiny_tokenizer(template))


def test_a_template_that_calls_itself_is_told():
    with pytest.raises(ModsError, match="chat template"):
        ChatFormat(tiny_tokenizer(CALLING_ITSELF))


def test_work_within_the_budget_is_left_alone_however_often():
    chat = ChatFormat(tiny_tokenizer())
    rows = [Record.from_instruction(f"Say {i}", "yes") for i in range(200)]
    encoded = chat.encode(rows)
    assert len(encoded) == 200
    time.sleep(3 * module.LOOK)
    with budget("nothing"):
        pass
    assert [thread.name for thread in threading.enumerate()].count("mods-budget") == 1


def test_an_error_inside_stays_what_it_is():
    with pytest.raises(KeyError), budget("work"):
        raise KeyError("mine")

import time

import pytest
from support.tiny_models import CHAT_TEMPLATE, tiny_tokenizer

from mods_plugins.hf.chat.sandbox import TODAY, RenderError, render

TURNS = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "all"}]
LOOPS = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
    "{% set x = 1 %}{% endfor %}{% endfor %}{% endfor %}"
)
DOUBLES = (
    "{% set ns = namespace(s='xx') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
    "{% endfor %}{{ ns.s }}"
)
DOUBLES_OTHERWISE = DOUBLES.replace("ns.s + ns.s", "ns.s ~ ns.s")
NESTS = DOUBLES.replace("ns.s + ns.s", "[ns.s, ns.s]")
CALLS_ITSELF = "{% macro m(x) %}{{ m(x + 1) }}{{ m(x + 1) }}{% endmacro %}{{ m(0) }}"
WRITES = "{% for i in range(99999) %}" + "x" * 5000 + "{% endfor %}"
HOSTILE = {
    "loops": LOOPS,
    "doubles": DOUBLES,
    "doubles otherwise": DOUBLES_OTHERWISE,
    "nests": NESTS,
    "nests as JSON": NESTS.replace("{{ ns.s }}", "{{ ns.s | tojson }}"),
    "calls itself": CALLS_ITSELF,
    "writes": WRITES,
    "times": "{{ 'x' * 9999999999 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "width": "{{ '%9999999999d' % 1 }}",
    "format": "{{ '{:>9999999999}'.format(1) }}",
    "filter of format": "{{ '%9999999999d' | format(1) }}",
    "just": "{{ 'x'.ljust(9999999999) }}",
    "centre": "{{ 'x' | center(9999999999) }}",
    "replace": "{% set a = 'x' * 99999 %}{{ a.replace('x', a) }}",
    "filter of replace": "{% set a = 'x' * 99999 %}{{ a | replace('x', a) }}",
    "join": "{% set a = 'x' * 99999 %}{{ a.join(['', ''] * 9999) }}",
    "batch": "{{ [] | batch(9999999999, 'x') | list }}",
    "words": "{{ lipsum(n=9999999) }}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_in_an_error_soon(name):
    start = time.monotonic()
    with pytest.raises(RenderError):
        render(HOSTILE[name], {"messages": TURNS}, 10)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "template",
    [
        CHAT_TEMPLATE,
        "{% set ns = namespace(found=false) %}{% for m in messages %}\n"
        "  {% if m.role == 'user' %}{% set ns.found = true %}{% endif %}\n"
        "{{ m.content ~ '-' ~ loop.index }} {{ m | tojson(indent=2) }}\n{% endfor %}{{ ns.found }}",
        "{% macro show(m) -%} {{ m.content | upper | indent(2) }} {% endmacro %}"
        "{% for m in messages if m.role != 'tool' %}{{ show(m) }}"
        "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{% break %}{% endif %}{% endfor %}{{ eos_token }}{{ dict(a=1) }}{{ undefined_thing }}",
        "{{ messages | map(attribute='content') | join(', ') }}{{ messages[0].content[::-1] }}"
        "{{ '%s!' % messages[0].content }}{{ 'a{}'.format(1) }}{{ (2 * 3) + 4 % 3 }}",
    ],
)
def test_a_template_writes_what_it_writes_in_transformers(template):
    tokenizer = tiny_tokenizer(template)
    wanted = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    values = {**tokenizer.special_tokens_map, "add_generation_prompt": True}
    assert render(template, {"messages": TURNS, **values}, 10) == wanted


def test_the_budget_grows_with_the_conversation():
    turns = [{"role": "user", "content": "x" * 3_000_000}]
    assert len(render(CHAT_TEMPLATE, {"messages": turns}, 3_000_000)) > 3_000_000
    with pytest.raises(RenderError, match="more than"):
        render(CHAT_TEMPLATE, {"messages": turns}, 10)


def test_a_refusal_and_a_failure_say_why():
    with pytest.raises(RenderError, match=r"^no system turn$"):
        render("{{ raise_exception('no system turn') }}", {}, 0)
    with pytest.raises(RenderError, match="NoneType"):
        render("{{ none + 'a' }}", {}, 0)
    with pytest.raises(RenderError, match="Unexpected end"):
        render("{% for a in b %}", {}, 0)
    with pytest.raises(RenderError, match="unsafe"):
        render("{{ ''.__class__.__mro__ }}", {}, 0)


def test_today_is_always_the_same_day():
    assert render("{{ strftime_now('%d') }}", {}, 0) == TODAY

from pathlib import Path

import pytest
from support.tiny_models import tiny_tokenizer

from mods import Record, SettingsError
from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.chat.sandbox import TODAY
from mods_plugins.hf.chat.templates import ALPACA, template_identity, template_text

FORM = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def test_an_explicit_template_from_text_or_file_is_used(tmp_path):
    (tmp_path / "form.jinja").write_text(FORM)
    for template in (FORM, str(tmp_path / "form.jinja")):
        chat = ChatFormat(tiny_tokenizer(), template)
        [row] = chat.encode([Record.from_instruction("q", "a")])
        assert chat.tokenizer.decode(row.prompt) == "[user] q[assistant] "
        # This template ends no turn, so the end-of-sequence token does.
        assert chat.tokenizer.decode(row.response) == "a<|end|>"
    with pytest.raises(SettingsError, match="`template` 'no-such-file' is neither Jinja text nor"):
        ChatFormat(tiny_tokenizer(), "no-such-file")


def test_identity_is_of_the_text_not_of_its_place(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(FORM)
    found = {template_identity(t) for t in (FORM, *map(str, (tmp_path / "one", tmp_path / "two")))}
    assert len(found) == 1
    assert template_identity(None) == "own"
    assert template_identity("alpaca") == template_identity(ALPACA)
    assert len({*found, template_identity(None), template_identity("alpaca")}) == 3


def test_the_home_folder_may_be_written_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("~/form.jinja").expanduser().write_text(FORM)
    assert template_identity("~/form.jinja") == template_identity(FORM)


def test_the_model_s_own_template_goes_before_the_alpaca_form():
    assert template_text(tiny_tokenizer(FORM), None) == FORM
    assert template_text(tiny_tokenizer(None), None) == ALPACA
    several = tiny_tokenizer(FORM)
    several.chat_template = {"default": FORM, "tool_use": "{{ 1 }}"}
    assert template_text(several, None) == FORM
    assert template_text(several, "alpaca") == ALPACA


def test_a_template_that_prints_the_date_prints_a_fixed_one():
    dated = (
        "{{ strftime_now('%d %B %Y') }}|{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"
    )
    chat = ChatFormat(tiny_tokenizer(), dated)
    [row] = chat.encode([Record.from_instruction("hello", "all")])
    assert chat.tokenizer.decode(row.prompt).startswith(TODAY + "|")

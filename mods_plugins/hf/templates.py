"""Chat templates: the model's own, a given one, the Alpaca form; and what identifies one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from mods.errors import SettingsError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ALPACA = (
    "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% else %}"
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.{% endif %}"
    "{% for message in messages if message.role != 'system' %}"
    "{{ '\\n\\n### Response:\\n' if message.role == 'assistant' else '\\n\\n### Instruction:\\n' }}"
    "{{ message.content }}{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n\\n### Response:\\n' }}{% endif %}"
)
"""The default for a model without a chat template: the Alpaca prompt, one section per turn.

A system message takes the place of the opening sentence. A tokenizer that starts its texts with a
beginning-of-sequence token gets it here too. `template="alpaca"` forces this form on any model.
"""

TODAY = "26 Jul 2024"
"""The date for templates that print today's: a prompt must not change from one day to the next."""


def template_identity(template: str | None) -> str:
    """Return what a `template` option stands for: the SHA-256 of its text, or `own`.

    `own` is the model's own template, which the files of the model decide, else the Alpaca form.
    """
    if template is None:
        return "own"
    text = ALPACA if template == "alpaca" else _given(template)
    return hashlib.sha256(text.encode()).hexdigest()


def template_text(tokenizer: PreTrainedTokenizerBase, template: str | None) -> str:
    """Return the Jinja text of a `template` option, which never prints the date of today.

    None is the tokenizer's own template, or the Alpaca form if it has none. Raises
    `SettingsError` for what is neither Jinja text nor a file.
    """
    return _fixed_date(_resolve(tokenizer, template))


def _resolve(tokenizer: PreTrainedTokenizerBase, template: str | None) -> str:
    """Find the text of a `template` option."""
    if template is None:
        own = tokenizer.chat_template
        if isinstance(own, dict):
            own = own.get("default")
        return own or _alpaca(tokenizer)
    return _alpaca(tokenizer) if template == "alpaca" else _given(template)


def _given(template: str) -> str:
    """Return Jinja text as it is, else read the file of that name."""
    if "{{" in template or "{%" in template:
        return template
    path = Path(template).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"`template` {template!r} is neither Jinja text nor a file; "
            'give a file, a template with {{ }}, or "alpaca"'
        )
    return path.read_text(encoding="utf-8")


def _alpaca(tokenizer: PreTrainedTokenizerBase) -> str:
    starts = tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    return ("{{ bos_token }}" if starts else "") + ALPACA


def _fixed_date(template: str) -> str:
    """Make `strftime_now` of a template, which would print today's date, print a fixed one."""
    if "strftime_now" not in template:
        return template
    return "{%- macro strftime_now(format) -%}" + TODAY + "{%- endmacro -%}" + template

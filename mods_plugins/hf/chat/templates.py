"""Chat templates: the model's own, a given one, the Alpaca form; and what identifies one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.errors import SettingsError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SYSTEM = "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% else %}"
_TASK = "Below is an instruction that describes a task"
_PAIRED = ", paired with an input that provides further context. "
_COMPLETE = "Write a response that appropriately completes the request."
ALPACA = (
    f"{_SYSTEM}{_TASK}"
    f"{{% if input %}}{{{{ '{_PAIRED}' }}}}{{% else %}}{{{{ '. ' }}}}{{% endif %}}{_COMPLETE}"
    "{% endif %}"
    "{% for message in messages if message.role != 'system' %}"
    "{% if message.role == 'assistant' %}"
    "{{ '\\n\\n### Response:' ~ message.content ~ eos_token }}"
    "{% elif message.input %}"
    "{{ '\\n\\n### Instruction:\\n' ~ message.instruction"
    " ~ '\\n\\n### Input:\\n' ~ message.input }}"
    "{% else %}{{ '\\n\\n### Instruction:\\n' ~ message.content }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n\\n### Response:' }}{% endif %}"
)
"""The default for a model without a chat template: the Alpaca prompt, as Stanford published it.

Rows with an input have a section of their own for it and the preamble that names it. Rows of
several turns have a section per turn. A system message takes the place of the opening sentence. A
tokenizer that starts its texts with a beginning-of-sequence token gets it here too.
`template="alpaca"` forces this form on any model.
"""


SUPERFILTERING = (
    "{% for message in messages %}{{ message.content }}"
    "{% if message.role != 'assistant' or not loop.last %}{{ '\n' }}{% endif %}{% endfor %}"
)
"""What the script of Superfiltering puts before an answer: instruction and input, a line each."""
NAMED = {"alpaca": ALPACA, "superfiltering": SUPERFILTERING}
"""Templates that go by a name."""


def template_identity(template: str | None) -> str:
    """Return what a `template` option stands for: the SHA-256 of its text, or `own`.

    `own` is the model's own template, which the files of the model decide, else the Alpaca form.
    """
    if template is None:
        return "own"
    text = NAMED.get(template) or _given(template)
    return hashlib.sha256(text.encode()).hexdigest()


def template_arguments(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the option `template_kwargs`: a table, or the text of one in JSON.

    Raises `SettingsError` for anything else.
    """
    try:
        found = json.loads(given) if isinstance(given, str) else given or {}
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise SettingsError(
            f"`template_kwargs` {given!r}: expected a table, or one as JSON text: "
            '{"enable_thinking": true}'
        )
    return dict(found)


def template_text(tokenizer: PreTrainedTokenizerBase, template: str | None) -> str:
    """Return the Jinja text of a `template` option.

    None is the tokenizer's own template, or the Alpaca form if it has none. Raises
    `SettingsError` for what is neither Jinja text nor a file.
    """
    if template is None:
        own = tokenizer.chat_template
        if isinstance(own, dict):
            own = own.get("default")
        return str(own) if own else _started(ALPACA, tokenizer)
    return _started(NAMED[template], tokenizer) if template in NAMED else _given(template)


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


def _started(template: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """Let a template begin as the tokenizer begins any text."""
    starts = tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    return ("{{ bos_token }}" if starts else "") + template

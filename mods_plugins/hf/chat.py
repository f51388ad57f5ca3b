"""From a conversation to token ids: the one template that scoring, tuning and generation share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mods.errors import ModsError
from mods.records import Message, Record

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


class Encoded(NamedTuple):
    """One record as token ids: prompt + response is what the model reads."""

    prompt: list[int]
    """The context up to the point where the assistant starts: the very ids of generation."""
    response: list[int]
    """The last turn up to and including the end-of-turn token; never empty."""
    cut: bool = False
    """Whether the row was longer than allowed and lost something."""

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.prompt) + len(self.response)


class ChatFormat:
    """Renders and tokenizes conversations with one chat template.

    `template` is Jinja text, a file that holds it, `"alpaca"`, or None for the model's own (the
    Alpaca form if it has none). A conversation that the template refuses is given to it in a
    plainer form: first the system message joined to the first turn and successive turns of one
    role joined, then the whole context as a single user turn.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: str | None = None) -> None:
        self.tokenizer = tokenizer
        self.template = _fixed_date(_resolve(tokenizer, template))
        self._tail, self.end = self._end_of_turn()

    @property
    def stop_ids(self) -> list[int]:
        """The tokens that end an answer: the tokenizer's end of sequence, and the template's."""
        ids = {self.tokenizer.eos_token_id, self._ids([self.end])[0][-1]}
        return sorted(i for i in ids if i is not None)

    @property
    def pad_id(self) -> int:
        """A token to fill up with; always masked, so any will do. No token is ever added."""
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def encode(self, records: Sequence[Record], max_length: int | None = None) -> list[Encoded]:
        """Turn records into prompt and response ids.

        A row longer than `max_length` tokens keeps its whole prompt and loses the end of the
        response. Where the prompt alone is that long, the prompt is shortened to half of
        `max_length` as in `prompts`.
        """
        rows = self._tokenize([self._texts(record.messages) for record in records])
        if max_length is None:
            return rows
        return [self._fit(*pair, max_length) for pair in zip(records, rows, strict=True)]

    def prompts(self, records: Sequence[Record], limit: int) -> list[list[int]]:
        """Return the prompt ids of each record, at most `limit` long.

        A longer prompt loses its oldest turns (a system message stays); if its last turn alone is
        longer it loses tokens at its start. The end of the last turn is always kept.
        """
        ids = self._ids([self._texts(record.messages)[0] for record in records])
        return [
            row if len(row) <= limit else self._shortened(record, limit)
            for record, row in zip(records, ids, strict=True)
        ]

    def _fit(self, record: Record, row: Encoded, max_length: int) -> Encoded:
        if row.size <= max_length:
            return row
        prompt = row.prompt
        if len(prompt) >= max_length:
            prompt = self._shortened(record, max_length // 2)
        return Encoded(prompt, row.response[: max_length - len(prompt)], cut=True)

    def _shortened(self, record: Record, limit: int) -> list[int]:
        turns = list(record.messages)
        while True:
            ids = self._ids([self._texts(turns)[0]])[0]
            if len(ids) <= limit:
                return ids
            shorter = _without_oldest(turns)
            if shorter is None:
                return self._last(ids, limit)
            turns = shorter

    def _last(self, ids: list[int], limit: int) -> list[int]:
        """Keep the last `limit` ids, and the beginning-of-sequence token if there was one."""
        start = ids[:1] if ids[0] == self.tokenizer.bos_token_id and limit > 1 else []
        return start + ids[len(ids) - limit + len(start) :]

    def _texts(self, messages: Sequence[Message]) -> tuple[str, str]:
        """Return the prompt and the response as the template writes them."""
        from jinja2 import TemplateError

        reason: Exception | None = None
        for turns in (list(messages), _joined(messages), _flat(messages)):
            try:
                return self._split(turns)
            except TemplateError as error:
                reason = error
        raise ModsError(
            f"the chat template fails even on a plain question and answer: {reason}; "
            'give another one with template=FILE or template="alpaca"'
        )

    def _split(self, turns: list[Message]) -> tuple[str, str]:
        context = turns[:-1] or [Message("user", "")]
        prompt = self._render(context, prompt=True)
        full = self._render([*context, turns[-1]])
        stop = len(full) - len(self._tail)
        # A template may write a past answer unlike the one it asks for (reasoning models drop
        # the thoughts); then the answer itself follows the prompt that generation uses.
        body = turns[-1].content
        if full.startswith(prompt) and full.endswith(self._tail) and stop >= len(prompt):
            body = full[len(prompt) : stop]
        return prompt, body + self.end

    def _render(self, turns: Sequence[Message], prompt: bool = False) -> str:
        text = self.tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in turns],
            chat_template=self.template,
            add_generation_prompt=prompt,
            tokenize=False,
            date_string=TODAY,
            enable_thinking=False,
        )
        assert isinstance(text, str)
        return text

    def _end_of_turn(self) -> tuple[str, str]:
        """Return what the template writes after an answer, and the part that ends the turn.

        That part goes up to the first special token, or is the end-of-sequence token where the
        template writes none. Raises `ModsError` if the tokenizer has none either.
        """
        from jinja2 import TemplateError

        probe = "mods-probe-answer"
        try:
            full = self._render([Message("user", "mods-probe"), Message("assistant", probe)])
        except TemplateError as error:
            raise ModsError(f"the chat template cannot be rendered: {error}") from error
        _, found, tail = full.rpartition(probe)
        if not found:
            raise ModsError("the chat template does not print the assistant's answer")
        cuts = [tail.find(token) + len(token) for token in self._special() if token in tail]
        if cuts:
            return tail, tail[: min(cuts)]
        if self.tokenizer.eos_token is None:
            raise ModsError(
                "neither the chat template nor the tokenizer has a token that ends an answer"
            )
        return tail, str(self.tokenizer.eos_token)

    def _special(self) -> list[str]:
        added = self.tokenizer.added_tokens_decoder.values()
        names = {token.content for token in added if token.special}
        return sorted(names | set(self.tokenizer.all_special_tokens))

    def _tokenize(self, texts: Sequence[tuple[str, str]]) -> list[Encoded]:
        prompts = self._ids([prompt for prompt, _ in texts])
        fulls = self._ids([prompt + response for prompt, response in texts])
        return [
            Encoded(prompt, full[len(prompt) :])
            if full[: len(prompt)] == prompt and len(full) > len(prompt)
            # A token that reaches over the boundary: keep the prompt that generation sees.
            else Encoded(prompt, self._ids([response])[0])
            for prompt, full, (_, response) in zip(prompts, fulls, texts, strict=True)
        ]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        ids = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [list(row) for row in ids]


def template_identity(template: str | None) -> str:
    """Return what a `template` option stands for: the SHA-256 of its text, or `own`.

    `own` is the model's own template, which the files of the model decide, else the Alpaca form.
    """
    if template is None:
        return "own"
    text = ALPACA if template == "alpaca" else _given(template)
    return hashlib.sha256(text.encode()).hexdigest()


def _resolve(tokenizer: PreTrainedTokenizerBase, template: str | None) -> str:
    """Find the template text for the option `template`."""
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
        raise ModsError(
            f"template {template!r} is neither Jinja text nor a file; "
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


def _joined(messages: Sequence[Message]) -> list[Message]:
    """Join a system message to the turn after it, and successive turns of one role."""
    turns = list(messages)
    if turns[0].role == "system" and len(turns) > 1 and turns[1].role == "user":
        turns[:2] = [Message("user", f"{turns[0].content}\n\n{turns[1].content}")]
    context = [
        Message(role, "\n\n".join(turn.content for turn in group))
        for role, group in groupby(turns[:-1], key=lambda turn: turn.role)
    ]
    return [*context, turns[-1]]


def _flat(messages: Sequence[Message]) -> list[Message]:
    """Make the whole context one user turn."""
    text = "\n".join(f"{turn.role}: {turn.content}" for turn in messages[:-1])
    return [Message("user", text), messages[-1]]


def _without_oldest(turns: list[Message]) -> list[Message] | None:
    """Drop the oldest exchange, up to the next user turn; None when only the last one is left."""
    keep = 1 if turns[0].role == "system" else 0
    later = [i for i in range(keep + 1, len(turns) - 1) if turns[i].role == "user"]
    return turns[:keep] + turns[later[0] :] if later else None
